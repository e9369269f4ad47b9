"""Start a bootstrap as Lambda does: from /var/task, with Lambda's own variables and nothing else.

What a process may take from its image depends on where and how it is started, so the tests of the
snapshot cannot use any folder and any environment. A mount namespace makes /var/task.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

TIME_LIMIT = 60.0  # seconds for a process with all its invocations
TIME_OUT = "no end"
TASK = "/var/task"
# What Lambda sets for an OS-only runtime; per deployment are the names with AWS_ and _HANDLER.
FIXED = {
    "LAMBDA_TASK_ROOT": TASK,
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib"
    ":/opt/lib",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}
DEPLOYMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "of-the-start",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-start",
    "AWS_SESSION_TOKEN": "token-of-the-start",
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "_HANDLER": "bootstrap",
}
NORMALLY = {"NATIVE_BOOTSTRAP_SNAPSHOT": "off"}  # start as if there was no image
# How the line begins that says why a start did not use the image.
SAYS_NORMAL = "native-bootstrap: starting without the snapshot: "
# Its own /var over everything, the function at its place, and the environment exactly as given.
_ENTER = (
    "mount -t tmpfs none /var && mkdir -p /var/task /var/tmp && chmod 1777 /var/tmp"
    ' && mount --bind "$0" /var/task && cd /var/task && exec env -i "$@"'
)
PID_1 = ("--pid", "--fork", "--kill-child", "--mount-proc")  # a process table of its own


@cache
def _may_unshare(*namespaces: str) -> bool:
    done = subprocess.run(["unshare", *namespaces, "true"], capture_output=True, check=False)
    return done.returncode == 0


def at_var_task(folder: Path, *namespaces: str) -> list[str]:
    """A command for `env -i`'s arguments (variables, then a program), run with this /var/task.

    ``namespaces``: options of `unshare` for more than the mounts. Skips where they are not allowed.
    """
    options = ("--mount", *namespaces)
    if os.geteuid() != 0:
        options = ("--map-root-user", *options)
    if not _may_unshare(*options):
        pytest.skip(f"not allowed here: unshare {' '.join(options)}")
    return ["unshare", *options, "sh", "-c", _ENTER, str(folder)]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a process sent to the Runtime API for one invocation (or for its init error)."""

    kind: str  # response, error, or init/error
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A process from its start to its end."""

    replies: tuple[Reply, ...]
    stdout: str
    stderr: str
    exit_code: int | str | None  # None: it was waiting for more events

    @property
    def normal(self) -> list[str]:
        """The lines that say why this start did not use the image; none in a restored process."""
        return [line for line in self.stderr.splitlines() if line.startswith(SAYS_NORMAL)]

    @property
    def user_stderr(self) -> str:
        """What the function wrote itself."""
        lines = self.stderr.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(SAYS_NORMAL))

    @property
    def answers(self) -> list[Any]:
        """The responses; anything else shows as what it is."""
        return [
            reply.json if reply.kind == "response" else {reply.kind: reply.json}
            for reply in self.replies
        ]


@dataclass
class Api:
    """A Runtime API that hands out each event once, to whichever process asks."""

    events: queue.SimpleQueue[bytes]
    expected: int
    address: str = ""
    replies: list[Reply] = field(default_factory=list)
    complete: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, reply: Reply) -> None:
        with self.lock:
            self.replies.append(reply)
            # After an init error the process ends by itself.
            if reply.kind != "init/error" and len(self.replies) >= self.expected:
                self.complete.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Api

    def do_GET(self) -> None:
        try:
            event = self.api.events.get_nowait()
        except queue.Empty:
            self.api.closed.wait()
            self.close_connection = True
            return
        self._send(200, event, {"Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-1"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.path.rpartition("/")[2]
        if self.path.endswith("/init/error"):
            kind = "init/error"
        self._send(202, b'{"status":"OK"}\n', {})
        self.api.add(Reply(kind=kind, body=body))

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        found = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        found["Lambda-Runtime-Deadline-Ms"] = str(int((time.time() + TIME_LIMIT) * 1000))
        found["Lambda-Runtime-Invoked-Function-Arn"] = "arn:aws:lambda:eu-west-1:1:function:shop"
        for name, value in found.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed process drops its connection."""


@contextmanager
def serve(events: Sequence[object]) -> Iterator[Api]:
    """A Runtime API with these events."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for event in events:
        waiting.put(json.dumps(event).encode())
    api = Api(events=waiting, expected=len(events))
    handler = type("Handler", (_Handler,), {"api": api})
    with _Server(("127.0.0.1", 0), handler) as server:
        api.address = f"127.0.0.1:{server.server_address[1]}"
        # The interval is what shutdown() waits for.
        threading.Thread(target=server.serve_forever, args=(0.002,), daemon=True).start()
        try:
            yield api
        finally:
            api.closed.set()
            server.shutdown()


def environment(api: Api, given: Mapping[str, str]) -> dict[str, str]:
    """Lambda's variables with ``given`` on top."""
    return {**FIXED, **DEPLOYMENT, "AWS_LAMBDA_RUNTIME_API": api.address, **given}


def run(
    folder: Path,
    events: Sequence[object] = ({}, {}),
    *,
    environ: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    program: Sequence[str] = (f"{TASK}/bootstrap",),
    namespaces: Sequence[str] = (),
    time_limit: float = TIME_LIMIT,
) -> Run:
    """Start the function in ``folder`` (as unpacked) in a process group of its own.

    Ends when every event is answered, or when the process does. ``prefix`` is a command to run the
    program with, ``program`` the command line itself.
    """
    with (
        serve(events) as api,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        variables = [f"{k}={v}" for k, v in environment(api, environ or {}).items()]
        process = subprocess.Popen(
            [*at_var_task(folder, *namespaces), *variables, *prefix, *program],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            exit_code = wait(process, api, time_limit)
        finally:
            kill_group(process)
        out.seek(0)
        err.seek(0)
        return Run(
            replies=tuple(api.replies),
            stdout=out.read().decode("utf-8", "replace"),
            stderr=err.read().decode("utf-8", "replace"),
            exit_code=exit_code,
        )


def wait(
    process: subprocess.Popen[bytes], api: Api, time_limit: float = TIME_LIMIT
) -> int | str | None:
    """The exit code; None when the process had answered everything and was waiting.

    TIME_OUT after ``time_limit`` seconds: a string, so that it equals nothing that is expected.
    """
    end = time.monotonic() + time_limit
    while time.monotonic() < end:
        if process.poll() is not None:
            return process.returncode
        if api.complete.wait(0.002):
            return None
    return TIME_OUT


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def unpack(output: Path, folder: Path) -> Path:
    """What the zip in ``output`` holds, in ``folder``."""
    shutil.unpack_archive(output / "function.zip", folder)
    (folder / "bootstrap").chmod(0o755)
    return folder
