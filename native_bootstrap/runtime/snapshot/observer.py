"""Watches an initialisation: what would make its result something else than a forked child's.

Three sources: audit events and C-level reads as they happen (audit.py, `_nb_snapshot.observe`), and
what /proc shows whenever a module begins or ends (probes.py). Each finding is blamed on the
innermost module under execution and reported at once; nothing is prevented.
"""

from __future__ import annotations

import sys

from native_bootstrap.runtime.snapshot import (
    adapters,
    allowed,
    audit,
    blame,
    imports,
    names,
    narrow,
    probes,
)
from native_bootstrap.runtime.snapshot import (
    locate as locating,
)
from native_bootstrap.runtime.snapshot.imports import Deferred
from native_bootstrap.runtime.snapshot.variables import Variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Protocol

    from native_bootstrap.runtime.snapshot.blame import Place, Running
    from native_bootstrap.runtime.snapshot.stream import Stream

    class Core(Protocol):
        """The part of `_nb_snapshot` that is used."""

        def observe(self, callback: object) -> None: ...
        def unseen(self) -> list[tuple[str, str]]: ...


_DETAILS = {
    "clock": "reads the clock",
    "entropy": "draws entropy (random bytes)",
    "hash keys": "draws the keys of its hash tables",
    "pid": "reads the process id (pid)",
    "machine": "reads facts of the machine",
}
# Read by the C library for local times. `restore.thaw` calls tzset().
_REPAIRED_VARIABLES = ("TZ",)
# `for name, value in os.environ.items()`: that it goes through all has been reported.
_ONE_OF_ALL = (("os", "__getitem__"), ("collections.abc", "__iter__"))
_OURS = "native_bootstrap.runtime."


class Observer:
    """One initialisation."""

    def __init__(
        self, stream: Stream, deferred: frozenset[str], core: Core, *, locate: bool = False
    ) -> None:
        self._stream = stream
        self._deferred = deferred
        self._core = core
        self._stacks = blame.Stacks()
        self._busy = True
        self._seen: set[object] = set()
        self._unseen = 0
        self._writers: dict[str, str] = {}
        self._written: dict[str, str | None] = {}
        self._events = audit.Events(self)
        self.ledger = probes.Ledger(self)
        self.completed: list[str] = []
        self._locator = locating.Locator(self._on_call) if locate else None

    def start(self) -> None:
        self._unseen = len(self._core.unseen())
        self.ledger.take_baseline()
        self._variables = Variables(self)
        audit.install(self._on_audit)
        imports.install(self)
        self._core.observe(self._on_read)
        self._busy = False

    def stop(self) -> dict[str, str | None]:
        """Observe no more; nothing of it stays behind. The variables that modules have set."""
        self._busy = True
        self._core.observe(None)
        imports.remove()
        audit.remove(getattr(self._core, "forget_audit_hook", None))
        self._variables.put_back()
        return self._written

    def final(self) -> None:
        """What is there now and belongs to nobody."""
        self._look()
        self._quietly(self.ledger.settle, None)
        self._quietly(self.ledger.weigh)

    # -- modules ---------------------------------------------------------------------------------

    def begin(self, name: str) -> Running:
        self._look()
        if self._is_deferred(name):
            for running in self._stacks.current():
                running.needs = running.needs or name
            self._write("failed", module=name, error="Deferred", needs=name, **self._chain(name))
            raise Deferred(name)
        self._write("import", module=name, **self._chain(name))
        return self._stacks.push(name)

    def end(self, token: Running) -> None:
        self._look()
        self._quietly(self.ledger.settle, token.name)
        chain = self._chain("")
        self._stacks.pop(token)
        if token.needs:  # it caught even a BaseException, and went on without
            self._write("failed", module=token.name, error="Deferred", needs=token.needs, **chain)
            sys.modules.pop(token.name, None)
            raise Deferred(token.needs)
        self.completed.append(token.name)
        if self._locator is not None:
            self._quietly(self._locator.look_into, token.name)
        self._write("imported", module=token.name)

    def fail(self, token: Running, error: BaseException) -> None:
        self._look()
        self._quietly(self.ledger.settle, token.name)
        chain = self._chain("")
        self._stacks.pop(token)
        file, line = blame.place_of_error(error, token.name)
        self._write(
            "failed",
            module=token.name,
            error=describe(error),
            lacks=blame.lacks_code(error),
            needs=token.needs or None,
            file=file,
            line=line,
            **chain,
        )

    def _is_deferred(self, name: str) -> bool:
        while name:
            if name in self._deferred:
                return True
            name = name.rpartition(".")[0]
        return False

    def _chain(self, name: str) -> dict[str, list[str]]:
        chain = self._stacks.chain()
        return {"chain": [*chain, name] if name else chain}

    # -- what happens ----------------------------------------------------------------------------

    def place(self, frame: FrameType | None) -> Place:
        return self._stacks.place(frame)

    def offence(self, kind: str, detail: str, place: Place, binary: str = "") -> None:
        """Report it, once per place, unless somebody takes care of it.

        ``binary``: the file of the extension module whose own code it was, where that is known.
        """
        key = (kind, detail, place.module, place.file, place.line)
        if key in self._seen:
            return
        modules = [name for name, _ in place.calls]
        if allowed.reason(kind, place, binary) or adapters.handled(kind, detail, modules):
            return
        self._seen.add(key)
        fields = place.fields()
        self._write("offence", kind=kind, detail=detail, library=place.library, **fields)

    def _look(self) -> None:
        """Attribute what is new to the module that has been running until now."""
        self._quietly(self.ledger.look, self._stacks.chain()[-1:])
        self._quietly(self._read_unseen)

    def _read_unseen(self) -> None:
        """C-level reads of other threads, or without the GIL."""
        reads = self._core.unseen()
        for kind, detail in reads[self._unseen :]:
            if kind == "environment":
                self._used_in_c(detail, self.place(None))
            else:
                self.offence(kind, f"{_DETAILS.get(kind, kind)} ({detail})", self.place(None))
        self._unseen = len(reads)

    def _on_audit(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        if not self._busy and event in self._events.handlers:
            self._quietly(self._events.take, event, arguments, frame)

    def _on_read(self, kind: str, detail: str) -> None:
        if not self._busy:
            self._quietly(self._read_in_c, kind, detail, sys._getframe(1))  # noqa: SLF001

    def _on_call(self, mark: str, frame: FrameType, made: tuple[object, ...]) -> None:
        if not self._busy:
            self._quietly(self._called, mark, frame, made)

    def _called(self, mark: str, frame: FrameType, made: tuple[object, ...]) -> None:
        place = self.place(frame)
        if mark == "exit" and not made:
            self.offence("exit", "ends the process", place)
        self.ledger.remember(mark, place)
        for one in made:
            self.ledger.remember(mark, place, str(one))

    def _read_in_c(self, kind: str, detail: str, frame: FrameType) -> None:
        if kind == "clock" and self._events.is_sleeping(frame):
            return
        place = self.place(frame)
        if kind == "environment":
            self._used_in_c(detail, place)
        else:
            self.offence(kind, _DETAILS.get(kind, kind), place, detail)

    def _quietly(self, function: object, *arguments: object) -> None:
        """Call without observing what that does. Nothing of ours may raise into the user's code."""
        if self._busy:
            return
        self._busy = True
        try:
            function(*arguments)  # type: ignore[operator]
        except Exception as error:
            chain = self._stacks.chain()
            detail = f"does what cannot be observed ({describe(error)})"
            self._write("offence", kind="internal", detail=detail, **blame.Place(chain).fields())
        finally:
            self._busy = False

    def _write(self, event: str, **fields: object) -> None:
        busy, self._busy = self._busy, True
        self._stream.write(event, **fields)
        self._busy = busy

    # -- environment variables -------------------------------------------------------------------

    def read(self, name: bytes) -> None:
        if not self._busy:
            self._quietly(self._used, _text(name), "read", sys._getframe(1))  # noqa: SLF001

    def iterate(self) -> None:
        if not self._busy:
            self._quietly(self._iterated, sys._getframe(1))  # noqa: SLF001

    def write(self, name: bytes, value: bytes | None) -> None:
        if not self._busy:
            self._quietly(self._wrote, _text(name), value, sys._getframe(1))  # noqa: SLF001

    def _iterated(self, frame: FrameType) -> None:
        place = self.place(frame)
        looked_for = narrow.names(frame)
        if looked_for is None:
            self._report_use("*", "iterate", place, place.reader)
        else:
            for name in looked_for:
                self._looked_for(name, place)

    def _looked_for(self, name: str, place: Place) -> None:
        if not names.is_pattern(name):
            self._report_use(name, "read", place, place.reader)
            return
        self._report_use(name, "pattern", place, place.reader)
        for written in [other for other in self._writers if names.matches(name, other)]:
            self._report_use(written, "read", place, place.reader)

    def _used(self, name: str, how: str, frame: FrameType) -> None:
        place = self.place(frame)
        if place.calls[:2] == _ONE_OF_ALL or narrow.is_copying(frame):
            return
        self._report_use(name, how, place, place.reader)

    def _used_in_c(self, name: str, place: Place) -> None:
        if name in _REPAIRED_VARIABLES:
            return
        # A library's own variable, unless somebody calls getenv() himself.
        asked = self._events.has_getenv and place.calls
        self._report_use(name, "read", place, place.calls[0][0] if asked else "")

    def _wrote(self, name: str, value: bytes | None, frame: FrameType) -> None:
        place = self.place(frame)
        if place.reader.startswith(_OURS):
            return
        self._written.pop(name, None)  # in the order of the last writes
        self._written[name] = None if value is None else _text(value)
        self._writers[name] = place.module
        self._report_use(name, "write" if value is not None else "delete", place, place.reader)

    def _report_use(self, name: str, how: str, place: Place, reader: str) -> None:
        if reader.startswith(_OURS) or allowed.variable(reader, name):
            return
        writer = self._writers.get(name)
        key = (how, name, place.module, reader, writer)
        if key in self._seen:
            return
        handled = adapters.handled("environment", name, [module for module, _ in place.calls])
        if not handled:
            self._seen.add(key)
        self._write(
            "environment",
            name=name,
            how=how,
            reader=reader,
            writer=writer if how in ("read", "iterate") else None,
            handled=handled,
            **place.fields(),
        )


def describe(error: BaseException) -> str:
    """`KeyError: 'X'`; whatever its class does when it is asked."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{name}: {text[:500]}" if text else name


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else str(raw)
