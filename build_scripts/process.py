"""The one way this project runs other programs."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from native_bootstrap.errors import DiskFullError, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.log import Log

TAIL_LINES = 15


def run(
    command: Sequence[str | Path],
    *,
    log: Log,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log_file: Path | None = None,
    what: str = "",
) -> str:
    """Run ``command`` to its end and return its output (stdout and stderr together, as text).

    ``env`` replaces the environment when given. With ``log_file`` everything printed is kept there
    too. Raises ToolError with the last lines when the exit status is not 0, DiskFullError when the
    output shows that the disk was full.
    """
    words = [str(word) for word in command]
    log.detail(f"+ {shlex.join(words)}")
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolError(
            f"{what or words[0]} could not start: {words[0]} is not installed",
            hint=f"install {Path(words[0]).name} and try again",
        ) from error
    text = done.stdout.decode("utf-8", "replace")
    if log_file is not None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("a", encoding="utf-8") as out:
            out.write(f"+ {shlex.join(words)}\n{text}\n")
    if done.returncode:
        raise _failure(what or Path(words[0]).name, done.returncode, text, log_file)
    return text


def _failure(what: str, status: int, text: str, log_file: Path | None) -> ToolError | DiskFullError:
    tail = "\n".join(text.rstrip().splitlines()[-TAIL_LINES:])
    if os.strerror(28) in text or "NoSpaceLeft" in text:
        return DiskFullError(f"the disk is full ({what})", hint="free some space and try again")
    return ToolError(f"{what} failed with status {status}:\n{tail}", kept=log_file)
