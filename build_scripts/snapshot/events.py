"""The report of an initialisation, line by line from a process that ran other people's code.

Nothing in it is trusted: a line that is too long, no JSON or not of the expected shape is counted
and left out, text is cut and made printable. What matters is judged so that less information means
less in the image: no ``done``, no image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_LINE = 256 * 1024  # a chain of 500 modules is 20 KB; `done` has every module's name
MAX_LAST_LINE = 16 * 1024 * 1024
MAX_LINES = 400_000
MAX_NAME = 400
MAX_TEXT = 600
MAX_CHAIN = 1_000
MAX_VALUE = 128 * 1024  # Linux's own limit for one variable (MAX_ARG_STRLEN)

READ, PATTERN, ITERATE, WRITE, DELETE = "read", "pattern", "iterate", "write", "delete"


@dataclass(frozen=True, kw_only=True)
class Started:
    """A module's execution began; ``chain`` ends with it."""

    module: str
    chain: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """It ended by an exception; ``needs``: the deferred module that it could not have; ``lacks``:
    because there is some module or library that cannot be had."""

    module: str
    error: str
    needs: str
    chain: tuple[str, ...]
    lacks: bool = False
    file: str = ""
    line: int = 0

    @property
    def lacks_code(self) -> bool:
        return self.lacks or self.error.startswith(("ImportError", "ModuleNotFoundError"))


@dataclass(frozen=True, kw_only=True)
class Offence:
    """Something that cannot be in an image. ``module`` is "" where nobody's import did it;
    ``library``: the dependency whose code did it for the module."""

    kind: str
    module: str
    detail: str
    chain: tuple[str, ...]
    library: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class VariableUse:
    """A variable was used while ``module`` was executed. ``reader``: the module whose code asked
    ("": C code). ``writer``: the module that had set it before. ``handled``: by which adapter."""

    name: str
    how: str
    module: str
    chain: tuple[str, ...]
    reader: str = ""
    writer: str = ""
    handled: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """One pass. ``running``: what was being executed when the stream ended without ``done``,
    outermost first; ``ended``: how the process ended, in words."""

    started: tuple[Started, ...] = ()
    failed: tuple[Failed, ...] = ()
    offences: tuple[Offence, ...] = ()
    variables: tuple[VariableUse, ...] = ()
    done: bool = False
    modules: tuple[str, ...] = ()
    written: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    adapters: tuple[str, ...] = ()
    handler: str = ""
    error: str = ""
    running: tuple[str, ...] = ()
    ended: str = ""
    ignored: int = 0

    @property
    def timed_out(self) -> bool:
        return self.ended.startswith("no end")


class _InvalidError(ValueError):
    """A line of the wrong shape."""


def parse(data: bytes, *, ended: str = "") -> Report:
    """``data``: what came through the report descriptor, complete or cut off anywhere."""
    reader = _Reader()
    lines = [line for line in data.split(b"\n") if line.strip()]
    for line in lines[:MAX_LINES]:
        reader.read(line)
    # What was cut off could have been an offence.
    done = reader.done if len(lines) <= MAX_LINES else None
    return Report(
        started=tuple(reader.started),
        failed=tuple(reader.failed),
        offences=tuple(reader.offences),
        variables=tuple(reader.variables),
        done=done is not None,
        modules=tuple(reader.completed),
        running=() if done is not None else tuple(reader.running),
        ended=printable(ended),
        ignored=reader.ignored + max(len(lines) - MAX_LINES, 0),
        **(done or {}),
    )


class _Reader:
    """The events so far. ``running``: what has begun and not ended."""

    def __init__(self) -> None:
        self.started: list[Started] = []
        self.failed: list[Failed] = []
        self.offences: list[Offence] = []
        self.variables: list[VariableUse] = []
        self.completed: list[str] = []
        self.running: list[str] = []
        self.done: dict[str, Any] | None = None
        self.ignored = 0
        self._takers: Mapping[str, Callable[[dict[str, Any]], None]] = {
            "import": self._import,
            "imported": self._imported,
            "failed": self._fail,
            "offence": lambda event: self.offences.append(_offence(event)),
            "environment": lambda event: self.variables.append(_variable(event)),
            "done": self._finish,
        }

    def read(self, line: bytes) -> None:
        try:
            event = _decode(line)
            kind = event.get("event")
            if self.done is not None or not isinstance(kind, str) or kind not in self._takers:
                raise _InvalidError("event")
            self._takers[kind](event)
        except _InvalidError:
            self.ignored += 1

    def _import(self, event: dict[str, Any]) -> None:
        self.started.append(Started(module=_name(event, "module"), chain=_chain(event)))
        self.running.append(self.started[-1].module)

    def _imported(self, event: dict[str, Any]) -> None:
        self.completed.append(_name(event, "module"))
        self._end(self.completed[-1])

    def _fail(self, event: dict[str, Any]) -> None:
        self.failed.append(_failed(event))
        self._end(self.failed[-1].module)

    def _finish(self, event: dict[str, Any]) -> None:
        self.done = _done(event)

    def _end(self, module: str) -> None:
        """Take the innermost ``module`` off; what was above it has ended unseen."""
        for index in range(len(self.running) - 1, -1, -1):
            if self.running[index] == module:
                del self.running[index:]
                return


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """The text on one line, without control characters and lone surrogates, not too long."""
    text = text[: limit + 1]
    clean = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _decode(line: bytes) -> dict[str, Any]:
    limit = MAX_LAST_LINE if b'"done"' in line[:40] else MAX_LINE
    if len(line) > limit:
        raise _InvalidError("too long")
    try:
        event = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise _InvalidError("no JSON") from None
    if not isinstance(event, dict):
        raise _InvalidError("no object")
    return event


def _text(event: Mapping[str, Any], key: str, limit: int = MAX_TEXT) -> str:
    value = event.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _InvalidError(key)
    return printable(value, limit)


def _name(event: Mapping[str, Any], key: str) -> str:
    name = _text(event, key, MAX_NAME)
    if not name:
        raise _InvalidError(key)
    return name


def _chain(event: Mapping[str, Any]) -> tuple[str, ...]:
    chain = event.get("chain")
    if chain is None:
        return ()
    if not isinstance(chain, list) or not all(isinstance(name, str) for name in chain):
        raise _InvalidError("chain")
    return tuple(printable(name, MAX_NAME) for name in chain[-MAX_CHAIN:])


def _place(event: Mapping[str, Any]) -> dict[str, Any]:
    line = event.get("line")
    if line is None:
        line = 0
    if not isinstance(line, int) or isinstance(line, bool) or not 0 <= line < 2**31:
        raise _InvalidError("line")
    return {"file": _text(event, "file"), "line": line, "chain": _chain(event)}


def _failed(event: Mapping[str, Any]) -> Failed:
    return Failed(
        module=_name(event, "module"),
        error=_text(event, "error"),
        needs=_text(event, "needs", MAX_NAME),
        lacks=event.get("lacks") is True,
        **_place(event),
    )


def _offence(event: Mapping[str, Any]) -> Offence:
    return Offence(
        kind=_name(event, "kind"),
        module=_text(event, "module", MAX_NAME),
        detail=_text(event, "detail"),
        library=_text(event, "library", MAX_NAME),
        **_place(event),
    )


def _variable(event: Mapping[str, Any]) -> VariableUse:
    how = _name(event, "how")
    if how not in (READ, PATTERN, ITERATE, WRITE, DELETE):
        raise _InvalidError("how")
    return VariableUse(
        how=how,
        name=_text(event, "name", MAX_NAME),
        module=_text(event, "module", MAX_NAME),
        reader=_text(event, "reader", MAX_NAME),
        writer=_text(event, "writer", MAX_NAME),
        handled=_text(event, "handled", MAX_NAME),
        **_place(event),
    )


def _done(event: Mapping[str, Any]) -> dict[str, Any]:
    written = event.get("written") or {}
    adapters = event.get("adapters") or []
    if not isinstance(written, dict) or not isinstance(adapters, list):
        raise _InvalidError("done")
    for name, value in written.items():
        if (
            not (value is None or isinstance(value, str))
            or len(name) + len(value or "") > MAX_VALUE
        ):
            raise _InvalidError("written")
    return {
        "written": MappingProxyType(dict(written)),
        "adapters": tuple(printable(str(name), MAX_NAME) for name in adapters[:1000]),
        "handler": _text(event, "handler"),
        "error": _text(event, "error"),
    }
