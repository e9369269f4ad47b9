"""One start of a function, timed by timer.c: at /var/task in a mount namespace of its own, with
Lambda's variables and nothing else of this machine's. The namespace is there before the clock
starts. A start that falls back from its snapshot is a failure, not a number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import process
from build_scripts.snapshot.variables import FIXED
from build_scripts.toolchain import zig

if TYPE_CHECKING:
    from build_scripts.log import Log

HERE = Path(__file__).parent
TASK = "/var/task"
# As one deployment would set them; the Runtime API's address comes from the timer.
DEPLOYMENT = {
    "AWS_ACCESS_KEY_ID": "of-the-benchmark",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123456789abcdef",
    "AWS_REGION": "eu-west-1",
    "AWS_SECRET_ACCESS_KEY": "of-the-benchmark",
    "AWS_SESSION_TOKEN": "of-the-benchmark",
}
# How the line begins that says why a start did not use the image.
FELL_BACK = "native-bootstrap: starting without the snapshot: "
TAIL_LINES = 3  # of what a function wrote that failed


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is started: ``task`` is at /var/task then."""

    command: tuple[str, ...]
    task: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    needs_snapshot: bool = False


@dataclass(frozen=True, kw_only=True)
class Timer:
    """The compiled timer.c, and task_root.py, which makes /var/task."""

    program: Path
    enter: Path
    silence_seconds: float

    def start(
        self,
        program: Program,
        event: Path,
        environ: Mapping[str, str],
        *,
        procs: Path | None = None,
        warm: int = 0,
        warm_seconds: float = 0.0,
    ) -> dict[str, Any]:
        """One cold start and then ``warm`` invocations, fewer when the seconds are over.

        The measures of timer.c, or {"failed": kind, "detail": text}.
        """
        options = ["--silence-ms", str(round(self.silence_seconds * 1000))]
        options += ["--warm", str(warm), "--warm-ms", str(round(warm_seconds * 1000))]
        options += ["--procs", str(procs)] if procs else []
        command = [str(self.program), *options, str(event), "--", *program.command]
        variables = {**FIXED, **DEPLOYMENT, **environ, **program.environ}
        with tempfile.TemporaryFile() as errors:
            out, told = self._run(program.task, command, variables, errors)
            errors.seek(0)
            text = errors.read().decode("utf-8", "replace")
        if "refused" in told:
            return _failure("place", f"{TASK} cannot be had here: {told['refused']}")
        if not out:
            return _failure("timer", text.strip() or told.get("failed", "no output"))
        sample: dict[str, Any] = json.loads(out.decode("utf-8", "replace"))
        if "failed" in sample:
            return _failure(sample["failed"], _detail(sample["detail"], text))
        why = [line for line in text.splitlines() if line.startswith(FELL_BACK)]
        if why and program.needs_snapshot:
            return _failure("fell-back", why[0].removeprefix(FELL_BACK))
        return sample

    def _run(
        self, task: Path, command: list[str], environ: Mapping[str, str], errors: Any
    ) -> tuple[bytes, dict[str, str]]:
        """The timer's output, and what task_root.py told."""
        ours, theirs = os.pipe()
        with os.fdopen(ours, "rb") as status:
            try:
                child = subprocess.Popen(
                    [sys.executable, "-I", "-S", self.enter, str(theirs)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    pass_fds=(theirs,),
                )
            finally:
                os.close(theirs)
            spec = {"folder": str(task), "command": command, "environ": dict(environ)}
            try:
                out, _ = child.communicate(json.dumps(spec).encode())
            except BaseException:
                child.kill()
                child.wait()
                raise
            told: dict[str, str] = {}
            for line in status:
                told |= json.loads(line)
        return out, told


def _failure(kind: str, detail: str) -> dict[str, Any]:
    return {"failed": kind, "detail": detail}


def _detail(text: str, stderr: str) -> str:
    """What the Runtime API was told: of a JSON error type and message; else the last of stderr."""
    with suppress(ValueError, KeyError, TypeError):
        error = json.loads(text)
        return f"{error['errorType']}: {error['errorMessage']}"
    lines = [line for line in stderr.splitlines() if line.strip()][-TAIL_LINES:]
    return " | ".join([text, *lines])


def compile_c(name: str, folder: Path, log: Log) -> Path:
    """One of the programs beside this file, static, for this machine."""
    program = folder / name
    triple = f"{os.uname().machine}-linux-musl"
    process.run(
        [zig(), "cc", "-O2", "-target", triple, "-static", HERE / f"{name}.c", "-o", program],
        log=log,
        what=f"compiling {name}.c",
    )
    return program
