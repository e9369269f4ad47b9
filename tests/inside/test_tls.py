"""ssl: a TLS 1.3 conversation with a server in this process, and what must be refused."""

import os
import socket
import ssl
import threading
import unittest

CERTIFICATES = os.environ.get("NB_INSIDE_CERTIFICATES")  # ca.pem, server.pem (key and chain)


class Server(threading.Thread):
    """Accepts one connection, sends back what it gets in upper case."""

    def __init__(self, context):
        super().__init__(daemon=True)
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.error = None

    def run(self):
        try:
            connection, _ = self.listener.accept()
            with self.context.wrap_socket(connection, server_side=True) as tls:
                while block := tls.recv(65536):
                    tls.sendall(block.upper())
        except OSError as error:
            self.error = error
        finally:
            self.listener.close()


@unittest.skipUnless(CERTIFICATES, "NB_INSIDE_CERTIFICATES names no folder with ca.pem, server.pem")
class Tls(unittest.TestCase):
    def setUp(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(CERTIFICATES, "server.pem"))
        self.server = Server(context)
        self.server.start()

    def connect(self, context, name="localhost"):
        plain = socket.create_connection(("127.0.0.1", self.server.port), timeout=20)
        self.addCleanup(plain.close)
        return context.wrap_socket(plain, server_hostname=name)

    def trusting(self):
        return ssl.create_default_context(cafile=os.path.join(CERTIFICATES, "ca.pem"))

    def test_conversation(self):
        with self.connect(self.trusting()) as tls:
            self.assertEqual(tls.version(), "TLSv1.3")
            self.assertEqual(tls.getpeercert()["subjectAltName"], (("DNS", "localhost"),))
            for number in range(5):
                message = b"hello %d " % number * 5_000  # more than one record
                tls.sendall(message)  # by one thread: OpenSSL's connection is not for two
                answer = b""
                while len(answer) < len(message):
                    answer += tls.recv(65536)
                self.assertEqual(answer, message.upper())

    def test_tls12(self):
        context = self.trusting()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.connect(context) as tls:
            self.assertEqual(tls.version(), "TLSv1.2")
            tls.sendall(b"abc")
            self.assertEqual(tls.recv(10), b"ABC")

    def test_unknown_authority(self):
        with self.assertRaises(ssl.SSLCertVerificationError) as caught:
            self.connect(ssl.create_default_context())
        self.assertIn("CERTIFICATE_VERIFY_FAILED", str(caught.exception))
        self.server.join(20)

    def test_wrong_name(self):
        with self.assertRaisesRegex(ssl.SSLCertVerificationError, "(?i)hostname"):
            self.connect(self.trusting(), "example.org")
        self.server.join(20)


class Facts(unittest.TestCase):
    def test_version(self):
        self.assertEqual(ssl.OPENSSL_VERSION_INFO[:2], (3, 5))

    def test_random(self):
        self.assertNotEqual(ssl.RAND_bytes(16), ssl.RAND_bytes(16))

    def test_ciphers(self):
        names = {cipher["name"] for cipher in ssl.create_default_context().get_ciphers()}
        wanted = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
        self.assertLessEqual(wanted | {"ECDHE-RSA-AES128-GCM-SHA256"}, names)


if __name__ == "__main__":
    unittest.main()
