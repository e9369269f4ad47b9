"""`_nb_client`: the C client as Python sees it, against a scripted server on the loopback."""

import errno
import signal
import socket
import threading
import time
import unittest

import _nb_client

NEXT = "/2018-06-01/runtime/invocation/next"


class Server:
    """Accepts connections one after the other; `script(connection)` plays on each in turn."""

    def __init__(self, *scripts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.api = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.requests = []
        self.thread = threading.Thread(target=self._serve, args=(scripts,))
        self.thread.start()

    def _serve(self, scripts):
        for script in scripts:
            connection, _ = self.listener.accept()
            with connection:
                script(self, connection)

    def read(self, connection):
        """One request: head and body."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(1 << 20)
        self.requests.append((head.decode(), body))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join(20)
        self.listener.close()


def answers(*replies):
    """A script: for each reply, read a request, then send it."""

    def script(server, connection):
        for reply in replies:
            server.read(connection)
            connection.sendall(reply)

    return script


def ok(body, *headers):
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


class Requests(unittest.TestCase):
    def test_head_and_answer(self):
        reply = ok(
            b'{"a":1}',
            "Content-Type: application/json",
            "LAMBDA-Runtime-Aws-Request-Id: 1-2",
            "X-Twice: first",
            "x-twice: last",
            "X-Empty:",
        )
        with Server(answers(reply)) as server:
            connection = _nb_client.connect(server.api + "/Prefix", "agent/1.2")
            status, headers, body = connection.request("GET", NEXT, [], None)
        self.assertEqual((status, body), (200, b'{"a":1}'))
        self.assertIs(type(body), bytes)
        self.assertEqual(
            headers,
            {
                "content-type": "application/json",
                "lambda-runtime-aws-request-id": "1-2",
                "x-twice": "last",
                "x-empty": "",
                "content-length": "7",
            },
        )
        head, sent = server.requests[0]
        self.assertEqual(
            head.split("\r\n"),
            [
                f"GET /Prefix{NEXT} HTTP/1.1",
                f"Host: {server.api}",
                "User-Agent: agent/1.2",
            ],
        )
        self.assertEqual(sent, b"")

    def test_bodies(self):
        with Server(answers(ok(b""), ok(b""), ok(b""))) as server:
            connection = _nb_client.connect(server.api, "a")
            pairs = (("Content-Type", "application/json"), ("X-É", "ü"))
            for body in (b"hello", b"", bytearray(b"x" * 3_000_000)):
                self.assertEqual(connection.request("POST", "/x", pairs, body)[0], 200)
        for (head, sent), body in zip(
            server.requests, (b"hello", b"", b"x" * 3_000_000), strict=True
        ):
            self.assertIn(f"Content-Length: {len(body)}", head)
            self.assertIn("X-É: ü", head)
            self.assertEqual(sent, body)

    def test_framings(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunked += b"3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
        large = b"L" * 6_000_000
        replies = (
            b"HTTP/1.1 100 Continue\r\n\r\n" + chunked,
            ok(large),
            b"HTTP/1.1 204 None\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nto the end",
        )
        with Server(answers(*replies)) as server:
            connection = _nb_client.connect(server.api, "a")
            got = [connection.request("GET", "/", (), None) for _ in replies]
        self.assertEqual([status for status, _, _ in got], [200, 200, 204, 200])
        self.assertEqual([body for _, _, body in got], [b"abcde", large, b"", b"to the end"])

    def test_header_values_are_utf8_or_latin1(self):
        head = b"HTTP/1.1 200 OK\r\nA: \xc3\xa9\r\nB: \xe9\r\nContent-Length: 0\r\n\r\n"
        with Server(answers(head)) as server:
            _, headers, _ = _nb_client.connect(server.api, "a").request("GET", "/", (), None)
        self.assertEqual((headers["a"], headers["b"]), ("é", "é"))

    def test_reconnects_once(self):
        with Server(
            answers(ok(b"1")), answers(ok(b"2")), answers(b""), answers(ok(b"4"))
        ) as server:
            connection = _nb_client.connect(server.api, "a")
            self.assertEqual(connection.request("GET", "/", (), None)[2], b"1")
            self.assertEqual(connection.request("POST", "/", (), b"x")[2], b"2")
            with self.assertRaisesRegex(_nb_client.TransportError, "closed without an answer"):
                connection.request("GET", "/", (), None)
            self.assertEqual(connection.request("GET", "/", (), None)[2], b"4")

    def test_what_nobody_asked_for_is_not_the_next_answer(self):
        """Else every later answer would be off by one."""
        ask, said = threading.Event(), threading.Event()

        def talkative(server, connection):
            server.read(connection)
            connection.sendall(ok(b"1"))
            ask.wait(20)
            connection.sendall(ok(b"unasked"))
            said.set()

        with Server(talkative, answers(ok(b"2"))) as server:
            connection = _nb_client.connect(server.api, "a")
            self.assertEqual(connection.request("GET", "/", (), None)[2], b"1")
            ask.set()
            said.wait(20)
            self.assertEqual(connection.request("POST", "/", (), b"x")[2], b"2")

    def test_a_request_inside_a_request_is_refused(self):
        with Server(answers(ok(b"1"))) as server:
            connection = _nb_client.connect(server.api, "a")

            def headers():
                with self.assertRaisesRegex(RuntimeError, "busy"):
                    connection.request("GET", "/inner", (), None)
                yield ("A", "b")

            self.assertEqual(connection.request("POST", "/", headers(), b"x")[2], b"1")
            with self.assertRaises(TypeError):
                connection.request("POST", "/", 5, b"x")
            with self.assertRaisesRegex(TypeError, "4 arguments"):
                connection.request("POST")
        self.assertEqual([head.split()[1] for head, _ in server.requests], ["/"])

    def test_close_is_not_the_end(self):
        with Server(answers(ok(b"1")), answers(ok(b"2"))) as server:
            connection = _nb_client.connect(server.api, "a")
            self.assertEqual(connection.request("GET", "/", (), None)[2], b"1")
            connection.close()
            connection.close()
            self.assertEqual(connection.request("GET", "/", (), None)[2], b"2")

    def test_the_gil_is_free_while_it_waits(self):
        def slow(server, connection):
            server.read(connection)
            time.sleep(0.3)
            connection.sendall(ok(b""))

        ticks = 0
        with Server(slow) as server:
            done = threading.Event()

            def request():
                _nb_client.connect(server.api, "a").request("GET", "/", (), None)
                done.set()

            thread = threading.Thread(target=request)
            thread.start()
            while not done.is_set():
                ticks += 1
                time.sleep(0.01)
            thread.join()
        self.assertGreater(ticks, 5)

    def test_one_request_at_a_time(self):
        started, release = threading.Event(), threading.Event()

        def held(server, connection):
            server.read(connection)
            started.set()
            release.wait(20)
            connection.sendall(ok(b""))

        with Server(held) as server:
            connection = _nb_client.connect(server.api, "a")
            thread = threading.Thread(target=connection.request, args=("GET", "/", (), None))
            thread.start()
            started.wait(20)
            with self.assertRaisesRegex(RuntimeError, "busy"):
                connection.request("GET", "/", (), None)
            with self.assertRaisesRegex(RuntimeError, "busy"):
                connection.close()
            release.set()
            thread.join()

    def test_signal_handlers_run_while_it_waits(self):
        seen = []

        def slow(server, connection):
            server.read(connection)
            time.sleep(0.3)
            connection.sendall(ok(b"answer"))

        previous = signal.signal(signal.SIGALRM, lambda *_: seen.append(time.monotonic()))
        self.addCleanup(signal.signal, signal.SIGALRM, previous)
        with Server(slow) as server:
            connection = _nb_client.connect(server.api, "a")
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            self.assertEqual(connection.request("GET", "/", (), None)[2], b"answer")
            self.assertLess(seen[0], time.monotonic() - 0.1)

    def test_an_exception_from_a_signal_handler_abandons_the_request(self):
        release = threading.Event()

        def silent(server, connection):
            server.read(connection)
            release.wait(20)

        def handler(*_):
            raise ZeroDivisionError

        previous = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, previous)
        with Server(silent, answers(ok(b"2"))) as server:
            connection = _nb_client.connect(server.api, "a")
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with self.assertRaises(ZeroDivisionError):
                connection.request("GET", "/", (), None)
            release.set()
            self.assertEqual(connection.request("GET", "/", (), None)[2], b"2")


class Errors(unittest.TestCase):
    def test_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            api = f"127.0.0.1:{probe.getsockname()[1]}"
        with self.assertRaises(_nb_client.TransportError) as caught:
            _nb_client.connect(api, "a").request("GET", "/", (), None)
        self.assertIsInstance(caught.exception, OSError)
        self.assertEqual(caught.exception.errno, errno.ECONNREFUSED)
        self.assertIn(f"Runtime API at {api}: cannot connect", str(caught.exception))

    def test_bad_addresses(self):
        for api in ("", "host:", "host:0", "host:99999", "[::1", "/only/prefix"):
            with self.subTest(api), self.assertRaisesRegex(_nb_client.TransportError, "host:port"):
                _nb_client.connect(api, "a")

    def test_not_http(self):
        for reply, words in (
            (b"220 mail.example ESMTP\r\n", "malformed status line"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "Content-Length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 33554433\r\n\r\n", "larger than 32 MB"),
            (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 65 + b"\r\n", "64 header fields"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "middle of the answer"),
        ):
            with (
                self.subTest(words),
                Server(answers(reply)) as server,
                self.assertRaisesRegex(_nb_client.TransportError, words),
            ):
                _nb_client.connect(server.api, "a").request("GET", "/", (), None)

    def test_arguments(self):
        connection = _nb_client.connect("127.0.0.1:9", "a")
        for error, arguments in (
            (TypeError, ("GET", "/", ())),
            (TypeError, ("GET", "/", (), "text")),
            (TypeError, ("GET", "/", 5, None)),
            (TypeError, ("GET", "/", ["ab"], None)),
            (TypeError, ("GET", "/", [("a", 1)], None)),
            (TypeError, (b"GET", "/", (), None)),
            (ValueError, ("GET", "/", [("a", "b\r\nc: d")], None)),
            (ValueError, ("GET", "/\n", (), None)),
            (UnicodeEncodeError, ("GET", "/\ud800", (), None)),
        ):
            with self.subTest(arguments), self.assertRaises(error):
                connection.request(*arguments)
        with self.assertRaises(TypeError):
            _nb_client.Connection()
        with self.assertRaises(ValueError):
            _nb_client.connect("127.0.0.1:9", "agent\r\nX: y")


if __name__ == "__main__":
    unittest.main()
