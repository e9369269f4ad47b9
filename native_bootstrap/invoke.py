"""Run a finished bootstrap once, here, against a small Runtime API of our own.

The server speaks just enough of the Runtime API for one process and a list of events; AWS's own
emulator is what the tests use.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_bootstrap import launch
from native_bootstrap.errors import InvokeError, UsageError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

API = "/2018-06-01/runtime"
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the function said to one event. Times in seconds since the program was started.

    ``note``: why it did not run quite as on Lambda, or "".
    """

    body: bytes
    ok: bool
    log: str
    note: str
    init_seconds: float
    total_seconds: float


@dataclass
class Exchange:
    """What server and caller share while one invocation runs; ``done`` is set by the answer.

    ``answer`` is (was it a response, its body, when it came).
    """

    event: bytes
    deadline_ms: int
    started: float = 0.0
    first_next: float | None = None
    handed_out: bool = False
    answer: tuple[bool, bytes, float] | None = None
    done: threading.Event = field(default_factory=threading.Event)


class _RuntimeApi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    exchange: Exchange

    def do_GET(self) -> None:
        exchange = self.exchange
        exchange.first_next = exchange.first_next or time.monotonic()
        if exchange.handed_out:
            exchange.done.wait()  # a real Runtime API freezes the process here
            self.close_connection = True
            return
        exchange.handed_out = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
        self.send_header("Lambda-Runtime-Deadline-Ms", str(exchange.deadline_ms))
        self.send_header(
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:012345678912:function:function",
        )
        self.send_header("Content-Length", str(len(exchange.event)))
        self.end_headers()
        self.wfile.write(exchange.event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ok = self.path.endswith("/response")
        self.exchange.answer = (ok, body, time.monotonic())
        reply = b'{"status":"OK"}\n'
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
        self.exchange.done.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: what the function prints is what the user wants to see."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that ends drops its connection: nothing to tell."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def read_event(text: str) -> bytes:
    """An event given on the command line: JSON text, the name of a file with it, - for stdin."""
    raw, problem = text.encode("utf-8", "surrogateescape"), "the event is neither JSON nor a file"
    if text == "-":
        raw, problem = sys.stdin.buffer.read(), "standard input is not JSON"
    elif not text.lstrip().startswith(("{", "[", '"')) and (found := _read_file(text)) is not None:
        raw, problem = found, f"{text} is not JSON"
    try:
        json.loads(raw)
    except ValueError as error:
        raise UsageError(
            f"{problem}: {error}",
            hint="""give JSON, like '{"name": "world"}', or the name of a file with it""",
        ) from error
    return raw


def _read_file(name: str) -> bytes | None:
    """The content of a file; None where ``name`` is no file's."""
    try:
        return Path(name).read_bytes() if Path(name).is_file() else None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise UsageError(
            f"cannot read {name}: {error.strerror}", hint="name a file that you may read"
        ) from error


def invoke(
    folder: Path,
    event: bytes,
    *,
    given: Mapping[str, str | None] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Answer:
    """Unpack ``folder``/function.zip, start its bootstrap, give it ``event``, return its answer.

    What runs is exactly what would be uploaded, in the environment that launch.environment() makes
    of the caller's ``environ``, what the build was told of, and ``given``. Raises InvokeError when
    the process ends or stays silent without an answer.
    """
    variables = {**launch.declared(folder), **(given or {})}
    with (
        serve(event) as (address, exchange),
        tempfile.TemporaryFile() as log,
        tempfile.TemporaryDirectory(prefix="native-bootstrap-") as task,
    ):
        _unpack(folder, Path(task))
        started = launch.start(Path(task), launch.environment(address, environ, variables), log)
        exchange.started = started.at
        try:
            _wait(started.process, exchange)
        finally:
            started.process.kill()
            started.process.wait()
        log.seek(0)
        text = log.read().decode("utf-8", "replace")
        return _answer(exchange, text, started.process.returncode, started.note)


@contextmanager
def serve(event: bytes) -> Iterator[tuple[str, Exchange]]:
    """A Runtime API on a free port that hands out ``event`` once: its address, what happens."""
    exchange = Exchange(event=event, deadline_ms=int((time.time() + TIMEOUT_SECONDS) * 1000))
    handler = type("Handler", (_RuntimeApi,), {"exchange": exchange})
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", exchange
        finally:
            exchange.done.set()
            server.shutdown()


def _unpack(folder: Path, task: Path) -> None:
    archive = folder / "function.zip"
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(task)
            for item in file.infolist():  # extractall forgets which may be executed
                (task / item.filename).chmod(item.external_attr >> 16 & 0o777 or 0o644)
    except FileNotFoundError:
        raise InvokeError(
            f"no function.zip in {folder}", hint="build it first: build-native build app.handler"
        ) from None
    except zipfile.BadZipFile as error:
        raise InvokeError(f"{archive} is damaged: {error}", hint="build it again") from error
    (task / "bootstrap").chmod(0o755)


def _wait(process: subprocess.Popen[bytes], exchange: Exchange) -> None:
    end = time.monotonic() + TIMEOUT_SECONDS
    while not exchange.done.wait(0.01):
        if process.poll() is not None or time.monotonic() > end:
            return


def _answer(exchange: Exchange, log: str, status: int, note: str) -> Answer:
    if exchange.answer is None:
        tail = "\n".join(log.splitlines()[-15:])
        raise InvokeError(
            f"the bootstrap gave no answer (exit status {status}):\n{tail}",
            hint="run it with --env PYTHONVERBOSE=1 to see how far it gets",
        )
    ok, body, when = exchange.answer
    return Answer(
        body=body,
        ok=ok,
        log=log,
        note=note,
        init_seconds=(exchange.first_next or when) - exchange.started,
        total_seconds=when - exchange.started,
    )
