import http.client
import http.server
import os
import select
import selectors
import socket
import ssl
import threading
import urllib.request

from checks import names_of

_context = ssl.create_default_context()
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def pair():
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x" * 1000)
        return len(right.recv(2000, socket.MSG_WAITALL | socket.MSG_DONTWAIT))


def numeric_address():
    return socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4]


def localhost():
    return socket.gethostbyname("localhost")


def no_such_name():
    try:
        return socket.getaddrinfo("no-such-name.invalid", 80)
    except socket.gaierror:
        return "unknown"


def selecting():
    reader, writer = os.pipe()
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        before = len(selector.select(0))
        os.write(writer, b"x")
        after = len(selector.select(1))
    ready = select.select([reader], [], [], 1)[0] == [reader]
    os.close(reader)
    os.close(writer)
    return [before, after, ready]


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments):
        pass


def http_both_sides():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host, port = server.server_address
        connection = http.client.HTTPConnection(host, port)
        connection.request("GET", "/")
        first = connection.getresponse().read().decode()
        connection.close()
        with _opener.open(f"http://{host}:{port}/", timeout=10) as answer:
            second = answer.read().decode()
        server.shutdown()
    return [first, second]


def tls_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    wrapped = _context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        wrapped.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.pending > 200


def tls_handshake():
    """A whole one, by a pre-shared key, so that no certificate is needed."""
    key = bytes(range(32))
    contexts = []
    for protocol in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER):
        context = ssl.SSLContext(protocol)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("PSK")
        contexts.append(context)
    contexts[0].set_psk_client_callback(lambda hint: ("me", key))
    contexts[1].set_psk_server_callback(lambda identity: key)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = contexts[0].wrap_bio(down, up)
    server = contexts[1].wrap_bio(up, down, server_side=True)
    pending = [client, server]
    for _ in range(20):
        for side in list(pending):
            try:
                side.do_handshake()
                pending.remove(side)
            except ssl.SSLWantReadError:
                pass
    client.write(b"secret")
    return [server.read().decode(), client.version(), server.cipher()[1]]


def tls_of_before():
    found = _context.cert_store_stats()
    fresh = ssl.create_default_context().cert_store_stats()
    return [found == fresh, found["x509_ca"] > 0]


def ssl_facts():
    return [ssl.OPENSSL_VERSION, ssl.HAS_TLSv1_3, len(_context.get_ciphers())]


NAMES = names_of(globals())
