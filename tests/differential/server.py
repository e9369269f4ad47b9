"""A scripted Runtime API on a local socket: serves its steps, records what the client does.

Raw sockets on purpose: the script decides byte by byte how an answer travels.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Callable

REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3f{:02d}"
ACCEPTED = b'{"status":"OK"}\n'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """How one request is answered."""

    status: int = 202
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = ACCEPTED
    # whole | bytewise | slow | chunked | close | drop (no answer) | truncate | garbage
    delivery: str = "whole"
    drop_first: bool = False  # drop the connection once without an answer, then serve the retry


ACCEPTS = Answer()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One invocation: the answer to `/next`, and the answer to what the function posts for it."""

    next: Answer
    post: Answer = ACCEPTS


@dataclasses.dataclass(kw_only=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = 0.0


@dataclasses.dataclass(kw_only=True)
class Turn:
    """Everything between one `/next` and the following one."""

    requests: list[Request] = dataclasses.field(default_factory=list)


class RuntimeApi:
    """The server. `turns[0]` is the init phase, `turns[n]` belongs to `steps[n - 1]`."""

    def __init__(
        self,
        steps: list[Step],
        *,
        prefix: str = "",
        init_answer: Answer | None = None,
        on_turn: Callable[[int], None] | None = None,
    ) -> None:
        self.turns: list[Turn] = [Turn()]
        self.connections = 0
        self.exhausted = threading.Event()
        self._steps = steps
        self._served = 0
        self._dropped: set[int] = set()
        self._prefix = prefix
        self._init_answer = init_answer or Answer()
        self._on_turn = on_turn
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}{prefix}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._sockets.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        try:
            while (request := _read_request(stream)) is not None:
                answer = self._answer(request)
                if answer is None or not _send(connection, answer):
                    break
        except OSError:
            pass
        finally:
            stream.close()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _answer(self, request: Request) -> Answer | None:
        """The scripted answer; None drops the connection."""
        with self._lock:
            path = request.path.removeprefix(self._prefix)
            if request.method == "GET" and path.endswith("/invocation/next"):
                return self._next_step()
            self.turns[-1].requests.append(request)
            if path.endswith("/init/error"):
                return self._init_answer
            step = self._steps[min(self._served, len(self._steps)) - 1]
            return self._once_dropped(step.post, -self._served)

    def _next_step(self) -> Answer | None:
        if self._served >= len(self._steps):
            self.exhausted.set()
            time.sleep(60)
            return None
        answer = self._once_dropped(self._steps[self._served].next, self._served + 1)
        if answer is not None:
            if self._on_turn is not None:
                self._on_turn(self._served)
            self._served += 1
            self.turns.append(Turn())
        return answer

    def _once_dropped(self, answer: Answer, key: int) -> Answer | None:
        if answer.drop_first and key not in self._dropped:
            self._dropped.add(key)
            return None
        return answer


def _read_request(stream: object) -> Request | None:
    readline, read = stream.readline, stream.read  # type: ignore[attr-defined]
    first = readline()
    if not first:
        return None
    method, path, _ = first.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(readline(), 16):
            body += read(size)
            readline()
        readline()
    else:
        body = read(int(headers.get("content-length", "0")))
    return Request(method=method, path=path, headers=headers, body=body, at=time.time())


def _send(connection: socket.socket, answer: Answer) -> bool:
    """Send an answer the way it wants to travel; False when the connection is to be closed."""
    if answer.delivery == "drop":
        return False
    if answer.delivery == "garbage":
        connection.sendall(b"\x00\x01 this is not HTTP\r\n\r\n")
        return False
    head = f"HTTP/1.1 {answer.status} X\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in answer.headers
    )
    body = answer.body
    if answer.delivery == "chunked":
        head += "Transfer-Encoding: chunked\r\n"
        pieces = [body[i : i + 7] for i in range(0, len(body), 7)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    else:
        length = len(body) + (10 if answer.delivery == "truncate" else 0)
        head += f"Content-Length: {length}\r\n"
    if answer.delivery == "close":
        head += "Connection: close\r\n"
    data = head.encode("utf-8", "surrogateescape") + b"\r\n" + body
    if answer.delivery == "bytewise":
        for i in range(len(data)):
            connection.sendall(data[i : i + 1])
    elif answer.delivery == "slow":
        for start in range(0, len(data), max(1, len(data) // 8)):
            connection.sendall(data[start : start + max(1, len(data) // 8)])
            time.sleep(0.01)
    else:
        connection.sendall(data)
    return answer.delivery not in ("close", "truncate")
