"""Ed25519, AES-GCM, X.509 and Fernet."""

import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# RFC 8032, 7.1, test 1
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
EXPECTED = {
    "public": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "signature": "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
    "forged": "refused",
    "fernet": "text",
    "gcm": "58e2fccefa7e3061367f1d57a4e7455a",  # McGrew and Viega, test case 1
    "issuer": "CN=here",
}


def use():
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SECRET)
    raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    try:
        key.public_key().verify(b"0" * 64, b"")
        forged = "accepted"
    except InvalidSignature:
        forged = "refused"
    box = Fernet(Fernet.generate_key())
    day = datetime.datetime(2026, 1, 1)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    signer = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
    builder = builder.public_key(signer.public_key()).not_valid_before(day)
    certificate = builder.not_valid_after(day.replace(year=2027)).sign(signer, hashes.SHA256())
    certificate.verify_directly_issued_by(certificate)
    return {
        "public": key.public_key().public_bytes(*raw).hex(),
        "signature": key.sign(b"").hex()[:64],
        "forged": forged,
        "fernet": box.decrypt(box.encrypt(b"text")).decode(),
        "gcm": AESGCM(bytes(16)).encrypt(bytes(12), b"", None).hex(),
        "issuer": certificate.issuer.rfc4514_string(),
    }
