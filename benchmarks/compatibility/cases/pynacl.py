"""Signs, boxes and hashes."""

import nacl.encoding
import nacl.hash
from nacl.exceptions import BadSignatureError
from nacl.public import Box, PrivateKey
from nacl.signing import SigningKey

EXPECTED = [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "refused",
    "secret",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
]


def use():
    # RFC 8032, 7.1, test 1
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    key = SigningKey(seed.encode(), encoder=nacl.encoding.HexEncoder)
    try:
        key.verify_key.verify(key.sign(b"text").message, b"0" * 64)
        forged = "accepted"
    except BadSignatureError:
        forged = "refused"
    alice, bob = PrivateKey.generate(), PrivateKey.generate()
    sealed = Box(alice, bob.public_key).encrypt(b"secret")
    return [
        key.verify_key.encode(nacl.encoding.HexEncoder).decode(),
        forged,
        Box(bob, alice.public_key).decrypt(sealed).decode(),
        nacl.hash.sha256(b"abc").decode(),
    ]
