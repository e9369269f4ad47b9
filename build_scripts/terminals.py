"""Consoles for what is printed; inside a container, those of the terminal outside.

A container has no terminal of its own here: its output passes through the engine's client. Which of
the two streams lead to a terminal, the caller says in a variable.
"""

from __future__ import annotations

import os
import sys

from rich.console import Console

VARIABLE = "NATIVE_BOOTSTRAP_TERMINALS"  # "stdout", "stderr", or both with a comma


def console(*, stderr: bool = False, highlight: bool = True) -> Console:
    """A console that writes to one of the standard streams."""
    name = "stderr" if stderr else "stdout"
    told = os.environ.get(VARIABLE, "").split(",")
    return Console(
        stderr=stderr, highlight=highlight, force_terminal=True if name in told else None
    )


def of_this_process() -> str:
    """The value of the variable for a process whose output is this one's."""
    streams = {"stdout": sys.stdout, "stderr": sys.stderr}
    return ",".join(name for name, stream in streams.items() if console_is_terminal(stream))


def console_is_terminal(stream: object) -> bool:
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())
