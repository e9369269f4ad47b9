"""The clean room: a program run as on Lambda, with nothing of the machine that builds it.

What the program does in here becomes part of the image, so it must find the same on every machine:
its own files under /var/task, an environment that is given in full, no network, always process 2 of
user sbx_user1051, memory at addresses that are not random. See room_child.py for how it is made.
"""

from __future__ import annotations

import binascii
import dataclasses
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import package, targets
from build_scripts.snapshot import room_refusal
from build_scripts.snapshot.room_process import Told, start_and_wait
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.log import Log
    from build_scripts.modules import DataFile
    from build_scripts.targets import Target

TASK = "/var/task"
PROGRAM = f"{TASK}/{package.PROGRAM}"
EMULATOR = "/nb/emulator"
API = "127.0.0.1:9001"  # room_api.ADDRESS
FILE_LIMIT = 4 << 30  # that the program may give to any file
# Below this a copy: it has no path of the host in /proc/self/mountinfo, and no time of its own.
BIND_FROM = 1 << 20
WORLD_READABLE = 0o004


@dataclass(frozen=True, kw_only=True)
class Room:
    """What there is in the room, and the program to run in it.

    ``data`` appears under /var/task, ``files`` at its absolute paths, ``program`` as
    /var/task/bootstrap. ``environ`` is the whole environment. ``outputs``: the descriptors above 2
    that the program has: a new file of the host, or None for a pipe. ``timeout`` in seconds.
    """

    program: Path
    target: Target
    data: Sequence[DataFile] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    outputs: Mapping[int, Path | None] = field(default_factory=dict)
    timeout: float = 60.0
    loopback: bool = False
    file_limit: int = FILE_LIMIT


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How the program ended and what it wrote. ``signal`` is None when it exited by itself.

    ``pipes``: what came through each pipe of ``outputs``. ``overflowed``: the descriptors whose
    output was longer than what is kept of it.
    """

    status: int
    signal: int | None
    stdout: bytes
    stderr: bytes
    pipes: Mapping[int, bytes]
    overflowed: frozenset[int]
    seconds: float
    timed_out: bool

    @property
    def ok(self) -> bool:
        return self.status == 0 and self.signal is None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the program sent: a "response" or "error" to an event, or an error of its "init".

    ``seconds`` since the program was started.
    """

    kind: str
    body: bytes
    seconds: float

    @property
    def ok(self) -> bool:
        return self.kind == "response"


@dataclass(frozen=True, kw_only=True)
class Served:
    """The answers to a list of events, in order, and the end of the program.

    A program that answered them all is stopped when it asks for one more (``complete``). ``asked``:
    when it asked for each event, in seconds since its start. ``pages``: of the ranges asked for,
    the addresses of the pages that it had written to when it was stopped.
    """

    answers: tuple[Answer, ...]
    asked: tuple[float, ...]
    complete: bool
    finished: Finished
    pages: tuple[int, ...] = ()


def run(room: Room, *, log: Log) -> Finished:
    """Run the program to its end, or to that of its time.

    Raises CleanRoomError where a room cannot be made, ToolError when the program cannot be run.
    """
    return _finished(_execute(room, None, log))


def serve(
    room: Room,
    events: Sequence[bytes],
    *,
    log: Log,
    ranges: Sequence[tuple[int, int]] = (),
) -> Served:
    """Run the program with a Runtime API that hands out ``events``; raises as :func:`run` does.

    ``ranges``: memory (address, length) whose written pages are to be told.
    """
    environ = {**room.environ, "AWS_LAMBDA_RUNTIME_API": API}
    room = dataclasses.replace(room, environ=environ, loopback=True)
    told = _execute(room, events, log, ranges)
    answers = [
        Answer(
            kind=answer["path"].rpartition("/")[2] if "/invocation/" in answer["path"] else "init",
            body=binascii.a2b_base64(answer["body"]),
            seconds=answer["seconds"],
        )
        for answer in told.ended["answers"]
    ]
    return Served(
        answers=tuple(answers),
        asked=tuple(told.ended["asked"]),
        complete=told.ended.get("stopped", False) and len(answers) == len(events),
        finished=_finished(told),
        pages=tuple(told.ended.get("pages", ())),
    )


def _execute(
    room: Room,
    events: Sequence[bytes] | None,
    log: Log,
    ranges: Sequence[tuple[int, int]] = (),
) -> Told:
    """In the first way that this machine allows."""
    description = {**_describe(room, events), "ranges": [list(item) for item in ranges]}
    log.detail(f"+ in the clean room: {' '.join(description['command'])}")
    failures = []
    for way in ways():
        told = start_and_wait({**description, "way": way}, room.outputs, timeout=room.timeout)
        if told.failed is None:
            return told
        if told.failed[0] == "exec":
            raise ToolError(
                f"{room.program.name} cannot be started in the clean room: {told.failed[1]}"
            )
        log.detail(f"no clean room ({way}): {': '.join(told.failed)}")
        failures.append((way, *told.failed))
    raise room_refusal.refusal(failures)


def ways() -> tuple[str, ...]:
    """To get the rights that a room takes: those of root, or those of a user namespace."""
    return ("root", "user") if os.geteuid() == 0 else ("user",)


def _describe(room: Room, events: Sequence[bytes] | None) -> dict[str, Any]:
    """What room_child.py is told. Host paths without symbolic links: it sees them elsewhere."""
    copies = [(os.path.realpath(room.program), PROGRAM, package.EXECUTABLE)]
    command = [PROGRAM, *room.arguments]
    if room.target != targets.host():
        emulator = find_emulator(room.target)
        copies.append((os.path.realpath(emulator), EMULATOR, package.EXECUTABLE))
        command = [EMULATOR, "-cpu", _emulated_cpu(emulator, room.target), "-0", PROGRAM, *command]
    binds: list[tuple[str, str, int]] = []
    for item in {item.path: item for item in room.data if item.path != package.PROGRAM}.values():
        status = item.file.stat()
        is_large = status.st_size >= BIND_FROM and status.st_mode & WORLD_READABLE
        row = (os.path.realpath(item.file), f"{TASK}/{item.path}", package.mode(item.file))
        (binds if is_large else copies).append(row)
    return {
        "scratch": os.path.realpath(tempfile.gettempdir()),
        "copies": copies,
        "binds": binds,
        "files": {path: _text(content) for path, content in room.files.items()},
        "command": command,
        "environ": dict(room.environ),
        "events": None if events is None else [_text(event) for event in events],
        "timeout": room.timeout,
        "loopback": room.loopback,
        "file_limit": (room.file_limit, room.file_limit),
    }


def _text(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode()


def find_emulator(target: Target) -> Path:
    """qemu's user mode for ``target``; a static one, because the room has no libraries."""
    names = (f"qemu-{target.machine}-static", f"qemu-{target.machine}")
    for name in names:
        found = shutil.which(name)
        if found and b"ld-linux" not in Path(found).read_bytes()[:4096]:
            return Path(found)
    raise ToolError(
        f"a snapshot for {target.arch} needs {names[0]}, which is not installed",
        hint="install qemu-user-static, or build with --snapshot off",
    )


def _emulated_cpu(emulator: Path, target: Target) -> str:
    """The target's own, or with an emulator that is too old for it the one that can do most."""
    wanted = {"haswell": "Haswell"}.get(target.cpu, target.cpu.replace("_", "-"))
    known = subprocess.run([emulator, "-cpu", "help"], capture_output=True, text=True, check=False)
    return wanted if wanted in known.stdout.split() else "max"


def _finished(told: Told) -> Finished:
    streams = dict(told.streams)
    overflowed = frozenset(number for number, stream in streams.items() if stream.overflowed)
    return Finished(
        status=told.ended["status"],
        signal=told.ended["signal"],
        stdout=streams.pop(1).content,
        stderr=streams.pop(2).content,
        pipes={number: stream.content for number, stream in streams.items()},
        overflowed=overflowed,
        seconds=told.seconds,
        timed_out=told.ended.get("timed_out", False),
    )
