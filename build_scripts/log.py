"""Progress of long steps: bars and colour on a terminal, plain lines in a log file."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Log:
    """Where the build tells what it does. All of it goes to stderr; results go to stdout."""

    verbose: bool = False
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    times: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, *, detail: str = "") -> Iterator[None]:
        """Announce a step; print how long it took. The seconds are kept in ``times[name]``."""
        start = time.monotonic()
        label = f"{name} {detail}".rstrip()
        if self.console.is_terminal and not self.verbose:
            with self.console.status(f"[bold]{label}[/]"):
                yield
        else:
            self.console.print(f"… {label}", markup=False)
            yield
        seconds = time.monotonic() - start
        self.times[name] = self.times.get(name, 0.0) + seconds
        self.console.print(f"[green]✓[/] {label}  [dim]{seconds:.1f} s[/]")

    def info(self, message: str) -> None:
        self.console.print(message, markup=False)

    def detail(self, message: str) -> None:
        """Shown with --verbose only."""
        if self.verbose:
            self.console.print(message, markup=False, style="dim")

    def warning(self, message: str) -> None:
        self.console.print(f"[yellow]warning:[/] {message}")


def quiet() -> Log:
    """A log that says nothing (tests, ``pack path``)."""
    return Log(console=Console(file=sys.stderr, quiet=True))
