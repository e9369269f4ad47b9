"""AES, RSA, scrypt and a hash."""

from Crypto.Cipher import AES, ChaCha20_Poly1305
from Crypto.Hash import SHA3_256
from Crypto.Protocol.KDF import scrypt
from Crypto.PublicKey import RSA
from Crypto.Signature import pss

EXPECTED = [
    "69c4e0d86a7b0430d8cdb78070b4c55a",  # FIPS 197, C.1
    "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",  # FIPS 202
    "77d6576238657b203b19ca42c18a0497",  # RFC 7914, 12
    "signed",
    "text",
]


def use():
    block = AES.new(bytes(range(16)), AES.MODE_ECB)
    cipher = block.encrypt(bytes.fromhex("00112233445566778899aabbccddeeff"))
    key = RSA.generate(1024)
    digest = SHA3_256.new(b"abc")
    pss.new(key.public_key()).verify(digest, pss.new(key).sign(digest))
    box = ChaCha20_Poly1305.new(key=bytes(32), nonce=bytes(12))
    sealed, tag = box.encrypt_and_digest(b"text")
    opened = ChaCha20_Poly1305.new(key=bytes(32), nonce=bytes(12)).decrypt_and_verify(sealed, tag)
    return [
        cipher.hex(),
        digest.hexdigest(),
        scrypt(b"", b"", 16, 16, 1, 1).hex(),
        "signed",
        opened.decode(),
    ]
