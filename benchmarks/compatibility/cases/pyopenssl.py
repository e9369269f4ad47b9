"""A handshake in memory with a certificate of its own."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

EXPECTED = ["hello", "TLSv1.3", "here"]


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    day = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(key.public_key()).not_valid_before(day)
    made = builder.not_valid_after(day.replace(year=2046)).sign(key, hashes.SHA256())
    return key, made


def use():
    key, made = certificate()
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_privatekey(key)
    context.use_certificate(made)
    server, client = SSL.Connection(context), SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    server.set_accept_state()
    client.set_connect_state()
    for _ in range(4):
        for one, other in ((client, server), (server, client)):
            try:
                one.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                other.bio_write(one.bio_read(65536))
            except SSL.WantReadError:
                pass
    client.send(b"hello")
    server.bio_write(client.bio_read(65536))
    subject = crypto.X509.from_cryptography(made).get_subject().CN
    return [server.recv(100).decode(), client.get_protocol_version_name(), subject]
