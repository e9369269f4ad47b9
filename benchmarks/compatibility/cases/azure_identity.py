"""Credentials with a certificate, and one that is not there."""

import datetime

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, EnvironmentCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

EXPECTED = [True, "CredentialUnavailableError", "refused"]


def use():
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    day = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(day)
    made = builder.not_valid_after(day.replace(year=2046)).sign(key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    credential = CertificateCredential("tenant", "client", certificate_data=pem)
    try:
        EnvironmentCredential().get_token("https://vault.azure.net/.default")
        last = ""
    except ClientAuthenticationError as error:
        last = type(error).__name__
    try:
        CertificateCredential("tenant", "client", certificate_data=b"none")
        wrong = "accepted"
    except ValueError:
        wrong = "refused"
    return [isinstance(credential, TokenCredential), last, wrong]
