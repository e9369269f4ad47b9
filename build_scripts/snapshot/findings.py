"""Who is to blame for what happened in one pass of the initialisation, in the user's words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from build_scripts.snapshot import patterns, settings_sources, variables
from build_scripts.snapshot.events import (
    ITERATE,
    PATTERN,
    READ,
    Failed,
    Offence,
    Report,
    VariableUse,
)

_RUNTIME = "native_bootstrap"
# Reads that the image can live with where a dependency makes them while it is imported itself: what
# is kept of them is a default or a label. The user's own modules read them for a reason.
_TOLERATED = ("clock", "pid", "machine")
# Those of Rust's hash tables are the image's own, like the interpreter's hash secret.
_HASH_KEYS = "hash keys"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a module is deferred. ``what`` is the clause after its name; ``cause``: the module that
    it imports, when that is why; ``lacks_line``: a pass that looks closer may find it."""

    module: str
    what: str
    file: str = ""
    line: int = 0
    advice: str = ""
    cause: str = ""
    chain: tuple[str, ...] = ()
    lacks_line: bool = False

    @property
    def text(self) -> str:
        place = f": {self.file}" + (f":{self.line}" if self.line else "") if self.file else ""
        return f"{self.what}{place}" + (f"; {self.advice}" if self.advice else "")

    @property
    def line_text(self) -> str:
        """As the build prints it."""
        return f"{self.module}  ({self.text})"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the build knows about the program.

    ``own``: the project's modules; ``shared``: those of the standard library, which cannot be
    deferred; ``declared``: variables given with --env (None: declared as absent);
    ``takes_all``: as settings_sources.take_all() has it.
    """

    own: Collection[str]
    shared: Collection[str] = frozenset()
    declared: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    task_root: str = "/var/task"
    takes_all: bool = False

    def can_defer(self, module: str) -> bool:
        return bool(module) and module not in self.shared and not is_runtime(module)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """``unblamed``: what no module can be deferred for; ``skipped``: shared modules between a
    blamed module and what happened; ``guards``: variables that the image would depend on, or their
    patterns (patterns.py); ``notes``: what is in the image all the same."""

    deferred: Mapping[str, Reason]
    unblamed: Sequence[str]
    skipped: frozenset[str]
    guards: Mapping[str, str | None]
    notes: Sequence[str] = ()


def judge(report: Report, deferred: Mapping[str, object], known: Known) -> Findings:
    """Everything in a report that keeps it from being an image; ``deferred``: so far."""
    judge_ = _Judge(deferred, known)
    for offence in report.offences:
        judge_.offence(offence)
    judge_.variables(report.variables)  # they often say why a module raises
    judge_.failures(report)
    judge_.variables(report.variables)  # and who is deferred decides about what it has set
    if not report.done:
        judge_.death(report)
    return judge_.result()


class _Judge:
    def __init__(self, before: Mapping[str, object], known: Known) -> None:
        self._before = before
        self._known = known
        self._found: dict[str, Reason] = {}
        self._importers: dict[str, Reason] = {}
        self._unblamed: list[str] = []
        self._notes: list[str] = []
        self._skipped: set[str] = set()
        self._guards: dict[str, str | None] = {}

    def result(self) -> Findings:
        # What a module does itself says more than what it imports.
        merged = {**self._importers, **self._found}
        return Findings(
            deferred=MappingProxyType(merged),
            unblamed=tuple(dict.fromkeys(self._unblamed)),
            skipped=frozenset(self._skipped),
            guards=MappingProxyType(self._guards),
            notes=tuple(self._notes),
        )

    def offence(self, event: Offence) -> None:
        if event.kind == "exit":
            return  # only a hint for `death`
        library = f", in {event.library}" if event.library else ""
        what = f"{event.detail or event.kind} at import{library}"
        foreign = bool(event.module) and event.module not in self._known.own
        if event.kind == _HASH_KEYS or (event.kind in _TOLERATED and foreign):
            who = event.module or "the runtime"
            self._notes.append(f"{who} {what}: {self._file(event.file)}:{event.line}")
            return
        self._blame(event.module, event.chain, what, event)

    def failures(self, report: Report) -> None:
        """Modules that raised. Whoever needs a deferred module is deferred with it."""
        blamed: set[str] = set()
        for event in report.failed:  # inner modules fail first
            chain = _chain_of(event.module, event.chain)
            if event.needs:
                if event.module == event.needs:
                    continue  # the deferred module itself, which did not begin
                self._defer_importers((*chain, event.needs))
                continue
            if event.lacks_code and self._is_caught(report, event, chain):
                continue  # `try: import x` where x lacks something: the same on Lambda
            if blamed.intersection(self._raised_below(report, event)):
                self._defer_importers(chain)
                continue
            blamed.add(event.module)
            self._blame(event.module, event.chain, f"raises {event.error} at build time", event)

    def _is_caught(self, report: Report, event: Failed, chain: Sequence[str]) -> bool:
        """One of those who import it goes on without."""
        failed = {f.module for f in report.failed if f.error == event.error}
        return any(importer not in failed for importer in chain[:-1])

    def _raised_below(self, report: Report, event: Failed) -> set[str]:
        """Modules below ``event`` that failed with the same error: it came through from there."""
        return {
            other.module
            for other in report.failed
            if other.error == event.error
            and other.module != event.module
            and event.module in other.chain[:-1]
        }

    def death(self, report: Report) -> None:
        """The process ended in the middle: whatever was being executed did it."""
        what = f"ends the process at import ({report.ended})"
        if report.timed_out:
            what = f"does not end at import ({report.ended})"
        if report.running:
            exits = [o for o in report.offences if o.kind == "exit" and o.chain == report.running]
            self._blame(report.running[-1], report.running, what, exits[-1] if exits else None)
        else:
            self._unblamed.append(f"the initialisation itself {what}")

    def variables(self, events: Sequence[VariableUse]) -> None:
        repeated = list(events)
        while repeated:  # a module may be deferred because of one that sets a variable for it
            count = len(self._found) + len(self._importers)
            self._guards.clear()
            for event in events:
                self._variable(event, events)
            if len(self._found) + len(self._importers) == count:
                break

    def _variable(self, event: VariableUse, events: Sequence[VariableUse]) -> None:
        if not event.module or event.handled:
            return
        if event.how == ITERATE or self._takes_all(event):
            self._blame(event.module, event.chain, "reads every environment variable", event)
        elif event.how == PATTERN:
            self._looked_for(event)
        elif event.how == READ:
            self._read(event, events)

    def _takes_all(self, event: VariableUse) -> bool:
        theirs = event.reader.partition(".")[0] == settings_sources.READER
        return self._known.takes_all and theirs and event.module != event.reader

    def _looked_for(self, event: VariableUse) -> None:
        """All that match are read; what modules have set of them are reads of their own."""
        pattern = patterns.parse(event.name)
        if pattern is None:
            return  # none of ours
        if variables.has_lambdas(pattern):
            what = f"reads every environment variable that begins with {pattern.stem!r}"
            self._blame(event.module, event.chain, what, event)
            return
        self._guards[pattern.text] = None
        declared = self._known.declared.items()
        self._guards.update((name, value) for name, value in declared if pattern.matches(name))

    def _read(self, event: VariableUse, events: Sequence[VariableUse]) -> None:
        name, declared = event.name, self._known.declared
        if event.writer and event.writer != event.module:
            if self._is_deferred(event.writer):
                what = f"reads {name}, which {event.writer} sets"
                self._blame(event.module, event.chain, what, event)
            return
        if event.writer:
            return
        if patterns.parse(name) is not None:
            return  # no function of Lambda's can have such a variable
        if name in declared:
            self._guards[name] = declared[name]
        elif variables.is_usual(name):
            self._guards[name] = variables.USUAL.get(name)
        elif variables.is_per_deployment(name):
            what = f"reads {name}, which is not the same in every function"
            self._blame(event.module, event.chain, what, event)
        elif name in variables.FIXED:
            self._guards[name] = variables.FIXED[name]
        elif self._is_for_itself(event):
            what, advice = _not_declared(self._undeclared(event.module, events))
            self._blame(event.module, event.chain, what, event, advice)
        else:
            self._guards[name] = None

    def _is_for_itself(self, event: VariableUse) -> bool:
        """Read by the user's own code, or on its behalf: what it says matters to the function."""
        return event.reader in self._known.own or variables.is_transparent(event.reader, event.name)

    def _undeclared(self, module: str, events: Sequence[VariableUse]) -> list[str]:
        """All of a module's: to be declared in one go."""
        read = [e for e in events if (e.module, e.how, e.writer) == (module, READ, "")]
        names = dict.fromkeys(e.name for e in read if not e.handled and self._is_for_itself(e))
        return [n for n in names if n not in self._known.declared and variables.is_free(n)]

    def _is_deferred(self, module: str) -> bool:
        parts = module.split(".")
        names = {".".join(parts[: n + 1]) for n in range(len(parts))}
        return any(names & set(some) for some in (self._before, self._found, self._importers))

    def _blame(
        self,
        module: str,
        chain: Sequence[str],
        what: str,
        event: Offence | Failed | VariableUse | None,
        advice: str = "",
    ) -> None:
        """Defer ``module``, or the innermost module around it that can be, and its importers."""
        chain = _chain_of(module, chain)
        file = self._file(event.file) if event is not None else ""
        line = event.line if event is not None else 0
        for index in range(len(chain) - 1, -1, -1):
            culprit = chain[index]
            if not self._known.can_defer(culprit):
                continue
            clause = what if culprit == module else f"imports {module}, which {what}"
            self._found.setdefault(
                culprit,
                Reason(
                    module=culprit,
                    what=clause,
                    file=file,
                    line=line,
                    advice=advice,
                    chain=tuple(chain[: index + 1]),
                    lacks_line=not line and _can_be_found(event),
                ),
            )
            self._skipped.update(chain[index + 1 :])
            self._defer_importers(chain[: index + 1])
            return
        place = f": {file}:{line}" if file else ""
        self._unblamed.append(f"{module or 'the runtime'} {what}{place}")

    def _defer_importers(self, chain: Sequence[str]) -> None:
        """Everything in ``chain`` but its end, each because of the next."""
        inner = chain[-1] if chain else ""
        for index in range(len(chain) - 2, -1, -1):
            module = chain[index]
            if not self._known.can_defer(module):
                self._skipped.add(module)
                continue
            if module != inner:
                reason = Reason(
                    module=module,
                    what=f"imports {inner}",
                    cause=inner,
                    chain=tuple(chain[: index + 1]),
                )
                self._importers.setdefault(module, reason)
            inner = module

    def _file(self, file: str) -> str:
        return file.removeprefix(self._known.task_root.rstrip("/") + "/")


def _not_declared(names: Sequence[str]) -> tuple[str, str]:
    """What a module does, and what to do about it."""
    if len(names) == 1:
        return f"reads {names[0]}, which was not declared", f"declare it with --env {names[0]}=…"
    return (
        f"reads {', '.join(names[:-1])} and {names[-1]}, which were not declared",
        "declare each with --env NAME=VALUE, or NAME! if it is not set",
    )


def _can_be_found(event: Offence | Failed | VariableUse | None) -> bool:
    """False where there is no such line, or a traceback would have shown it."""
    return not isinstance(event, Failed) and getattr(event, "kind", "") != "memory"


def _chain_of(module: str, chain: Sequence[str]) -> tuple[str, ...]:
    if not module or module in chain[-1:]:
        return tuple(chain)
    return (*chain, module)


def is_runtime(module: str) -> bool:
    """True for the modules of this project's runtime and core."""
    return module == _RUNTIME or module.startswith((_RUNTIME + ".", "_nb_"))
