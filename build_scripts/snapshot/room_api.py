"""A Runtime API for one process and a list of events, inside the clean room.

Stand-alone: used by room_child.py. It has no thread, because a thread would take a number of the
pid namespace, and the program is to see the same numbers each time. What one process sends with one
connection at a time is all that it understands.
"""

from __future__ import annotations

import selectors
import socket
import time
from typing import Any

ADDRESS = ("127.0.0.1", 9001)  # as on Lambda
PREFIX = "/2018-06-01/runtime"
ARN = "arn:aws:lambda:us-east-1:012345678912:function:function"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
MAX_BODY = 8 << 20  # the real one takes 6 MB
SEND_SECONDS = 10.0
ACCEPTED = b'{"status":"OK"}\n'


class Api:
    """``answers`` fills up; ``idle`` once the program asks for more events than there are.

    An answer is (the last part of the address, the body, the time when it was complete).
    """

    def __init__(self, events: list[bytes], selector: selectors.BaseSelector, limit: float) -> None:
        self.answers: list[tuple[str, bytes, float]] = []
        self.asked: list[float] = []  # when each request for an event came
        self.idle = False
        self._events = events
        self._selector = selector
        self._limit = limit
        self._buffers: dict[socket.socket, bytearray] = {}
        self._listener = socket.create_server(ADDRESS)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        connection = self._listener.accept()[0]
        connection.settimeout(SEND_SECONDS)
        self._buffers[connection] = bytearray()
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(connection))

    def _read(self, connection: socket.socket) -> None:
        buffer = self._buffers[connection]
        try:
            block = connection.recv(1 << 20)
            buffer += block
            while block and self._serve(connection, buffer):
                pass
        except (OSError, ValueError):  # gone, or nothing that we understand
            block = b""
        if not block:
            self._selector.unregister(connection)
            del self._buffers[connection]
            connection.close()

    def _serve(self, connection: socket.socket, buffer: bytearray) -> bool:
        """Answer the request at the start of ``buffer`` and remove it; False while it is partial.

        ValueError when it is none.
        """
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = buffer[:end].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in _parted(lines)}
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY or "transfer-encoding" in headers:
            raise ValueError("no such body is taken")
        if len(buffer) < end + 4 + length:
            return False
        body = bytes(buffer[end + 4 : end + 4 + length])
        del buffer[: end + 4 + length]
        if method == "GET" and path == f"{PREFIX}/invocation/next":
            self._next(connection)
        else:
            self.answers.append((path.removeprefix(PREFIX), body, time.monotonic()))
            connection.sendall(_reply("202 Accepted", {}, ACCEPTED))
        return True

    def _next(self, connection: socket.socket) -> None:
        """The next event. Without one there is no answer: Lambda freezes the process here."""
        number = len(self.asked)
        self.asked.append(time.monotonic())
        if number >= len(self._events):
            self.idle = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": f"00000000-0000-4000-8000-{number:012d}",
            "Lambda-Runtime-Deadline-Ms": int((time.time() + self._limit) * 1000),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Trace-Id": TRACE,
        }
        connection.sendall(_reply("200 OK", headers, self._events[number]))


def _parted(lines: list[str]) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in lines]


def _reply(status: str, headers: dict[str, Any], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
