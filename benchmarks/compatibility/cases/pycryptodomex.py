"""The same library under its other name."""

from Cryptodome.Cipher import AES
from Cryptodome.Hash import CMAC, SHA256
from Cryptodome.PublicKey import ECC
from Cryptodome.Signature import DSS

EXPECTED = [
    "69c4e0d86a7b0430d8cdb78070b4c55a",  # FIPS 197, C.1
    "070a16b46b4d4144f79bdd9dd04a287c",  # RFC 4493, example 2
    "signed",
]


def use():
    block = AES.new(bytes(range(16)), AES.MODE_ECB)
    cipher = block.encrypt(bytes.fromhex("00112233445566778899aabbccddeeff"))
    mac = CMAC.new(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), ciphermod=AES)
    mac.update(bytes.fromhex("6bc1bee22e409f96e93d7e117393172a"))
    key = ECC.generate(curve="P-256")
    digest = SHA256.new(b"text")
    DSS.new(key.public_key(), "fips-186-3").verify(digest, DSS.new(key, "fips-186-3").sign(digest))
    return [cipher.hex(), mac.hexdigest(), "signed"]
