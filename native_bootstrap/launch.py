"""Start an unpacked function on this machine as Lambda would: at /var/task, with its environment.

That is what a snapshot is good for, and what the function's paths are like. Where /var/task cannot
be had without rights that the user lacks, it starts where it lies and without the snapshot.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from native_bootstrap import task_root
from native_bootstrap.errors import InvokeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The same in every function (build_scripts/resources/lambda_environment.toml has them, too).
FIXED = {
    "LANG": "en_US.UTF-8",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LAMBDA_TASK_ROOT": task_root.TASK,
    "LD_LIBRARY_PATH": (
        "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    ),
    "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "TZ": ":UTC",
}
SWITCH = "NATIVE_BOOTSTRAP_SNAPSHOT"  # "off": the program ignores its snapshot
HIDDEN = "…"  # what a report has for the value of a secret


@dataclass(frozen=True, kw_only=True)
class Started:
    """A running function. ``at``: when the program began (time.monotonic()); ``note``: why it is
    not at /var/task, "" where it is."""

    process: subprocess.Popen[bytes]
    at: float
    note: str


def environment(
    address: str, caller: Mapping[str, str], given: Mapping[str, str | None]
) -> dict[str, str]:
    """What the function gets: Lambda's variables, the caller's that begin with AWS_ (credentials,
    region), and on top those ``given`` (None: not set). Nothing else of the caller's."""
    found: dict[str, str | None] = {
        **{name: value for name, value in caller.items() if name.startswith("AWS_")},
        **{name: value for name, value in caller.items() if name == SWITCH},
        **FIXED,
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "_HANDLER": "bootstrap",
        **given,
        "AWS_LAMBDA_RUNTIME_API": address,
    }
    return {name: value for name, value in found.items() if value is not None}


def declared(folder: Path) -> dict[str, str | None]:
    """The variables that the build was told of and that its snapshot depends on.

    From the report beside the program; empty where there is none. Secrets are not in it.
    """
    try:
        snapshot = json.loads((folder / "report.json").read_text(encoding="utf-8"))["snapshot"]
        guards = snapshot["guards"]
        return {n: guards[n] for n in snapshot["declared"] if guards.get(n, HIDDEN) != HIDDEN}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def start(task: Path, environ: Mapping[str, str], log: IO[bytes]) -> Started:
    """Start the bootstrap in ``task``; its output goes to ``log``.

    A program for another architecture runs under qemu-user. Raises InvokeError when it cannot run.
    """
    emulator = _emulator(task / "bootstrap")
    process, told = _at_task_root(task, [*emulator, f"{task_root.TASK}/bootstrap"], environ, log)
    if "started" in told and "failed" not in told:
        return Started(process=process, at=told["started"], note="")
    process.wait()
    if "failed" in told:
        raise _not_started(told["failed"])
    log.truncate(0)
    log.seek(0)
    why = told.get("refused", f"exit status {process.returncode}")
    note = f"not at {task_root.TASK} and without the snapshot: not allowed here ({why})"
    return _where_it_lies(task, [*emulator, f"{task}/bootstrap"], environ, log, note=note)


def _at_task_root(
    task: Path, command: Sequence[str], environ: Mapping[str, str], log: IO[bytes]
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A process, and what task_root.py told there; if that was "started", it is the program now."""
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as status:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", task_root.__file__, str(theirs)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
            )
        finally:
            os.close(theirs)
        # Not as arguments: everybody on this machine could read the credentials there.
        spec = {"folder": str(task), "command": [*command], "environ": {**environ}}
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(json.dumps(spec).encode())
        told: dict[str, Any] = {}
        for line in status:
            told |= json.loads(line)
    return process, told


def _where_it_lies(
    task: Path, command: Sequence[str], environ: Mapping[str, str], log: IO[bytes], *, note: str
) -> Started:
    at = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            cwd=task,
            env={**environ, "LAMBDA_TASK_ROOT": str(task), SWITCH: "off"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise _not_started(str(error.strerror)) from error
    return Started(process=process, at=at, note=note)


def _not_started(why: str) -> InvokeError:
    return InvokeError(
        f"the bootstrap cannot be run: {why}",
        hint="it is unpacked in $TMPDIR: is that mounted noexec?",
    )


def _emulator(program: Path) -> list[str]:
    """The command that runs a program of a foreign architecture; empty for this machine's own."""
    with program.open("rb") as file:
        number = int.from_bytes(file.read(20)[18:20], "little")  # e_machine
    machine = {62: "x86_64", 183: "aarch64"}.get(number, f"machine {number}")
    if machine == platform.machine():
        return []
    for name in (f"qemu-{machine}-static", f"qemu-{machine}"):
        found = shutil.which(name)
        if found:
            return [found]
    raise InvokeError(
        f"{program.name} is for {machine}, this machine is {platform.machine()}",
        hint="install qemu-user-static to run it here",
    )
