"""The one way this project runs other programs."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from native_bootstrap.errors import BuildInterruptedError, DiskFullError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from build_scripts.log import Log

TAIL_LINES = 15
ALMOST_FULL = 16 << 20  # bytes


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
        status, text = _run(words, cwd, dict(env) if env is not None else None)
    except OSError as error:
        raise _not_started(what or words[0], words[0], error) from error
    if log_file is not None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("a", encoding="utf-8") as out:
            out.write(f"+ {shlex.join(words)}\n{text}\n")
    if status:
        raise _failure(what or Path(words[0]).name, status, text, log_file, words)
    return text


def _run(words: list[str], cwd: Path | None, env: dict[str, str] | None) -> tuple[int, str]:
    if _stopped.is_set():
        raise BuildInterruptedError("interrupted")
    with subprocess.Popen(
        words,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as child:
        _running.add(child)
        if _stopped.is_set():  # meanwhile
            child.terminate()
        try:
            out, _ = child.communicate()
        except BaseException:
            child.kill()
            raise
        finally:
            _running.discard(child)
    return child.returncode, out.decode("utf-8", "replace")


def _not_started(what: str, program: str, error: OSError) -> ToolError:
    """``error.filename`` is the working folder when it is that which is missing."""
    if isinstance(error, FileNotFoundError) and error.filename == program:
        return ToolError(
            f"{what} could not start: {program} is not installed",
            hint=f"install {Path(program).name} and try again",
        )
    return ToolError(f"{what} could not start {program}: {error}")


# For builds whose commands run in threads: Ctrl-C raises in the main thread only, and a thread that
# is between two commands would go on with the next.
_running: set[subprocess.Popen[bytes]] = set()
_stopped = threading.Event()


@contextmanager
def stopping_on_interrupt() -> Iterator[None]:
    """While an interrupt leaves this block, commands in other threads end and no new one starts."""
    try:
        yield
    except Exception:
        raise
    except BaseException:
        _stopped.set()
        for child in tuple(_running):
            child.terminate()
        raise


@contextmanager
def stoppable() -> Iterator[None]:
    """Around a block that waits for the threads: commands may run again once it is left."""
    try:
        yield
    finally:
        _stopped.clear()


def _is_disk_full(words: Sequence[str]) -> bool:
    """Whether a place that a crashed command was told about has no room left.

    lld writes through a memory map, where a full disk is a signal; zig cc aborts without a word.
    """
    folders = {Path(word).parent for word in words if word.startswith("/")}
    return any(shutil.disk_usage(f).free < ALMOST_FULL for f in folders if f.is_dir())


def _failure(
    what: str, status: int, text: str, log_file: Path | None, words: Sequence[str]
) -> ToolError | DiskFullError:
    tail = "\n".join(text.rstrip().splitlines()[-TAIL_LINES:])
    told = os.strerror(errno.ENOSPC) in text or "NoSpaceLeft" in text
    if told or (status < 0 and _is_disk_full(words)):
        return DiskFullError(f"the disk is full ({what})", hint="free some space and try again")
    return ToolError(f"{what} failed with status {status}:\n{tail}", kept=log_file)
