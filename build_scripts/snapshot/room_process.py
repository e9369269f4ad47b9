"""The builder's end of the clean room: start it, read everything it says, leave nothing of it."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import struct
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from build_scripts import cache
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHILD = Path(__file__).with_name("room_child.py")
STREAM_LIMIT = 1 << 20  # of stdout and of stderr: the end is kept
PIPE_LIMIT = 64 << 20  # of every other pipe: the beginning is kept
MAKING_SECONDS = 30.0  # for the room itself, on top of the program's time
LEAVING_SECONDS = 2.0
BLOCK = 1 << 16
REPORT = -1  # the key of room_child's own report among the streams


@dataclass
class Stream:
    """What came out of a pipe; ``limit`` bytes of it, from its end or from its beginning."""

    limit: int
    keeps_end: bool
    overflowed: bool = False
    _content: bytearray = field(default_factory=bytearray)

    def add(self, block: bytes) -> None:
        if self.keeps_end:
            self._content += block
            self.overflowed |= len(self._content) > self.limit
            if len(self._content) > 2 * self.limit:
                del self._content[: -self.limit]
        else:
            room = self.limit - len(self._content)
            self._content += block[:room]
            self.overflowed |= len(block) > room

    @property
    def content(self) -> bytes:
        return bytes(self._content[-self.limit :] if self.keeps_end else self._content)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What room_child reported, and the program's output by its own descriptor numbers.

    ``failed`` is (step, error) when there was no room, or no program in it.
    """

    ended: Mapping[str, Any]
    seconds: float
    failed: tuple[str, str] | None
    streams: Mapping[int, Stream]


def start_and_wait(
    description: Mapping[str, Any], outputs: Mapping[int, Path | None], *, timeout: float
) -> Told:
    """Let room_child do what ``description`` says; all processes have ended on return.

    ``outputs`` as in Room; their descriptors are added to the description.
    """
    with ExitStack() as stack:
        mine, theirs = _pipes([REPORT, *(n for n, path in outputs.items() if path is None)], stack)
        files = {number: _memory(stack) for number, path in outputs.items() if path is not None}
        theirs |= files
        wanted = {number: file.fileno() for number, file in theirs.items()}
        report = wanted.pop(REPORT)
        told = {
            **description,
            "report": report,
            "descriptors": [[ours, number] for number, ours in wanted.items()],
        }
        process = subprocess.Popen(
            # Nothing of the builder's environment, but what its Python may need to start.
            [sys.executable, "-I", "-S", CHILD],
            env={k: v for k, v in os.environ.items() if k == "LD_LIBRARY_PATH"},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[report, *wanted.values()],
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the builder to handle
        )
        for number, file in theirs.items():
            if number not in files:
                file.close()
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        mine |= {1: process.stdout, 2: process.stderr}
        with process.stdout, process.stderr, _ending(process, process.stdin):
            _send(process.stdin, told)
            streams = _read(mine, time.monotonic() + timeout + MAKING_SECONDS)
        result = _told(streams)
        for number, file in files.items() if result.failed is None else ():
            _keep(file, outputs[number])
    return result


def _pipes(
    numbers: list[int], stack: ExitStack
) -> tuple[dict[int, IO[bytes]], dict[int, IO[bytes]]]:
    """Read ends and write ends by number."""
    readers: dict[int, IO[bytes]] = {}
    writers: dict[int, IO[bytes]] = {}
    for number in numbers:
        reader, writer = os.pipe()
        readers[number] = stack.enter_context(os.fdopen(reader, "rb", buffering=0))
        writers[number] = stack.enter_context(os.fdopen(writer, "wb", buffering=0))
    return readers, writers


def _memory(stack: ExitStack) -> IO[bytes]:
    """A file without a name: /proc/self/fd would show the program where another one lies."""
    return stack.enter_context(os.fdopen(os.memfd_create("output"), "wb+", buffering=0))


def _keep(file: IO[bytes], path: Path | None) -> None:
    assert path is not None
    with cache.translate_os_errors(path), path.open("wb") as out:
        path.chmod(0o600)
        file.seek(0)
        shutil.copyfileobj(file, out, 1 << 24)


@contextmanager
def _ending(process: subprocess.Popen[bytes], lifeline: IO[bytes]) -> Iterator[None]:
    """However the block is left: the room has ended, with all that ran in it."""
    try:
        yield
    finally:
        lifeline.close()
        try:
            # Its end follows that of the whole pid namespace.
            process.wait(LEAVING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()


def _send(lifeline: IO[bytes], description: Mapping[str, Any]) -> None:
    content = json.dumps(description).encode()
    rest = memoryview(struct.pack("<I", len(content)) + content)
    with suppress(BrokenPipeError):  # it has ended: why is in its report
        while rest:
            rest = rest[lifeline.write(rest) :]


def _read(pipes: Mapping[int, IO[bytes]], end: float) -> dict[int, Stream]:
    """Everything until all pipes are closed, which they are when nothing runs in the room."""
    streams = {REPORT: Stream(sys.maxsize, keeps_end=False)}
    with selectors.DefaultSelector() as selector:
        for number, pipe in pipes.items():
            selector.register(pipe, selectors.EVENT_READ, number)
            limit = STREAM_LIMIT if number in (1, 2) else PIPE_LIMIT
            streams.setdefault(number, Stream(limit, keeps_end=number in (1, 2)))
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready:
                raise ToolError("the clean room did not come to an end")
            for key, _ in ready:
                block = os.read(key.fd, BLOCK)
                if block:
                    streams[key.data].add(block)
                else:
                    selector.unregister(key.fileobj)
    return streams


def _told(streams: dict[int, Stream]) -> Told:
    facts: dict[str, Any] = {}
    for line in streams.pop(REPORT).content.splitlines():
        facts = {**json.loads(line), **facts}  # the first that is said counts
    if not facts:
        raise ToolError(
            "the clean room ended without a word:\n"
            + streams[2].content.decode("utf-8", "replace")[-2000:]
        )
    failed = (facts["failed"], facts["error"]) if "failed" in facts else None
    return Told(
        ended=facts.get("ended", {}),
        seconds=facts.get("seconds", 0.0),
        failed=failed,
        streams=streams,
    )
