"""Progress of long steps: bars and colour on a terminal, plain lines in a log file."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from build_scripts import terminals

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Log:
    """Where the build tells what it does. All of it goes to stderr; results go to stdout.

    ``times``: seconds of each finished step that was not part of another one.
    """

    verbose: bool = False
    console: Console = field(
        default_factory=lambda: terminals.console(stderr=True, highlight=False)
    )
    times: dict[str, float] = field(default_factory=dict)
    _live: _Live = field(init=False)
    _steps: threading.local = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        self._live = _Live(self.console, enabled=self.console.is_terminal and not self.verbose)

    @contextmanager
    def step(self, name: str, *, detail: str = "") -> Iterator[None]:
        """Announce a step; print how long it took. Steps may nest and may run in threads."""
        start = time.monotonic()
        label = f"{name} {detail}".rstrip()
        depth: int = getattr(self._steps, "depth", 0)
        self._steps.depth = depth + 1
        try:
            with self._live.line(label):
                yield
        finally:
            self._steps.depth = depth
        seconds = time.monotonic() - start
        if depth == 0:
            self.times[name] = self.times.get(name, 0.0) + seconds
        self.console.print(f"[green]✓[/] {escape(label)}  [dim]{seconds:.1f} s[/]")

    def info(self, message: str) -> None:
        self.console.print(message, markup=False)

    def detail(self, message: str) -> None:
        """Shown with --verbose only."""
        if self.verbose:
            self.console.print(message, markup=False, style="dim")

    def warning(self, message: str) -> None:
        self.console.print(f"[yellow]warning:[/] {escape(message)}")


class _Live:
    """The running steps with a spinner and their time each; plain lines where that cannot be."""

    def __init__(self, console: Console, *, enabled: bool) -> None:
        self._console = console
        self._enabled = enabled
        self._lock = threading.Lock()
        self._progress: Progress | None = None

    @contextmanager
    def line(self, label: str) -> Iterator[None]:
        if not self._enabled:
            self._console.print(f"… {label}", markup=False)
            yield
            return
        with self._lock:
            if self._progress is None:
                columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
                self._progress = Progress(*columns, console=self._console, transient=True)
                self._progress.start()
            task = self._progress.add_task(escape(label), total=None)
        try:
            yield
        finally:
            with self._lock:
                self._progress.remove_task(task)
                if not self._progress.task_ids:
                    self._progress.stop()
                    self._progress = None


def quiet() -> Log:
    """A log that says nothing (tests, ``pack path``)."""
    return Log(console=Console(file=sys.stderr, quiet=True))
