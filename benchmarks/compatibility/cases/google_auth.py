"""Signs and verifies a token with an RSA key."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import credentials, jwt
from google.auth.crypt import RSASigner, RSAVerifier
from google.oauth2 import service_account

EXPECTED = [True, "someone", True, False]


def use():
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signer = RSASigner.from_string(pem)
    verified = RSAVerifier.from_string(public).verify(b"text", signer.sign(b"text"))
    info = {"iat": 1, "exp": 2, "sub": "someone"}
    claims = jwt.decode(jwt.encode(signer, info), public, verify=False)
    account = service_account.Credentials.from_service_account_info(
        {"private_key": pem.decode(), "client_email": "a@example.com", "token_uri": "https://x/t"}
    )
    return [verified, claims["sub"], isinstance(account, credentials.Signing), account.valid]
