"""What goes into the image: from one pass of the initialisation to the plan of the next.

Pure data to pure data. The rules:

- Whatever a forked child could not share (a thread, an open file, a value drawn from the clock …)
  is blamed on the module that was being executed. That module is *deferred*: left out of the image
  and imported at start. So is every module that imports a deferred one.
- A deferred module is never begun: one that began and failed leaves traces behind. So a pass with a
  new finding is thrown away, and only a pass without one is sound.
- When the handler's own module is deferred, what it would have imported is imported in its place,
  in the same order (`Plan.preload`).
- Modules of the standard library and of the runtime are shared by everybody and never deferred; the
  module that imported them is. Where there is none, nothing of the user's is initialised, and if
  that does not help either, there is no image.

Each pass defers more than the one before, so the passes come to an end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from build_scripts.snapshot import findings, variables
from build_scripts.snapshot.events import Report
from build_scripts.snapshot.findings import Known, Reason

FULL, RUNTIME = "full", "runtime"
MAX_PASSES = 25

_NOTHING: Mapping[str, Reason] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One pass: what to import and what not.

    ``seen``: who imported whom, in order, from all passes so far; ``skipped``: modules of the
    standard library that may not be imported ahead of the module that was blamed for them;
    ``locate``: the same once more, only to find the lines of what was found.
    """

    handler: str
    level: str = FULL
    deferred: Mapping[str, Reason] = field(default_factory=lambda: _NOTHING)
    preload: tuple[str, ...] = ()
    dump: bool = True
    locate: bool = False
    number: int = 1
    seen: tuple[tuple[str, str], ...] = ()
    skipped: frozenset[str] = frozenset()

    @property
    def handler_module(self) -> str:
        return self.handler.rpartition(".")[0].replace("/", ".")

    def defers(self, module: str) -> bool:
        """True for a deferred module and everything below a deferred package."""
        return any(name in self.deferred for name in _with_parents(module))

    def to_json(self) -> dict[str, object]:
        """What the program reads (plan.json)."""
        return {
            "handler": self.handler,
            "level": self.level,
            "deferred": sorted(self.deferred),
            "preload": list(self.preload),
            "dump": self.dump and not self.locate,
            "locate": self.locate,
        }


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a pass has shown.

    Exactly one of: ``sound`` (``plan`` is the one that ran; ``guards`` are the variables that the
    image depends on, None: it must be absent), ``off`` (no image is possible, and why), or else
    ``plan`` is what to run next. ``found`` are this pass's new deferrals.
    """

    ran: Plan
    report: Report
    plan: Plan
    sound: bool = False
    off: str = ""
    why_runtime: str = ""
    found: Mapping[str, Reason] = field(default_factory=lambda: _NOTHING)
    guards: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()


def next_plan(plan: Plan, report: Report, known: Known) -> Decision:
    """Judge the pass ``report`` of ``plan``."""
    result = findings.judge(report, plan.deferred, known)
    new = {name: why for name, why in result.deferred.items() if name not in plan.deferred}
    stuck = "; ".join(result.unblamed) or (result.deferred and not new and "no progress") or ""
    if not result.deferred and not result.unblamed:
        return Decision(
            ran=plan,
            report=report,
            plan=plan,
            sound=True,
            guards=result.guards,
            notes=tuple(result.notes),
        )
    if plan.level == RUNTIME:
        reasons = result.unblamed or [why.line_text for why in result.deferred.values()]
        return Decision(ran=plan, report=report, plan=plan, off=reasons[0])
    if plan.number >= MAX_PASSES:
        stuck = f"still no sound plan after {MAX_PASSES} passes"
    elif new:
        stuck = ""
    if stuck:
        runtime = Plan(handler=plan.handler, level=RUNTIME, dump=plan.dump, number=plan.number + 1)
        return Decision(ran=plan, report=report, plan=runtime, why_runtime=stuck, found=new)
    if not plan.locate and not report.timed_out and any(why.lacks_line for why in new.values()):
        again = replace(plan, locate=True, number=plan.number + 1)
        return Decision(ran=plan, report=report, plan=again, found=MappingProxyType(new))
    seen = tuple(dict.fromkeys([*plan.seen, *_edges(report)]))
    following = replace(
        plan,
        deferred=MappingProxyType({**plan.deferred, **new}),
        locate=False,
        number=plan.number + 1,
        seen=seen,
        skipped=plan.skipped | result.skipped,
    )
    following = replace(following, preload=tuple(_preload(following)))
    return Decision(ran=plan, report=report, plan=following, found=MappingProxyType(new))


def _edges(report: Report) -> Iterator[tuple[str, str]]:
    """(importer, imported) in the order in which the imports began; "": imported by no module."""
    for event in report.started:
        chain = event.chain[:-1] if event.chain[-1:] == (event.module,) else event.chain
        yield (chain[-1] if chain else "", event.module)


def _preload(plan: Plan) -> list[str]:
    """What takes the deferred handler's place: the modules that deferred ones imported directly.

    Not simply every module that was completed: a package may only work when it is entered through
    the module that the user enters it through.
    """
    if not plan.defers(plan.handler_module):
        return []
    children: dict[str, list[str]] = {}
    begun: dict[str, int] = {}
    for parent, child in plan.seen:
        children.setdefault(parent, []).append(child)
        begun.setdefault(child, len(begun))
    roots: dict[str, None] = {}
    visited: set[str] = set()
    pending = list(reversed(children.get("", [])))
    while pending:
        name = pending.pop()
        if name in visited:
            continue
        visited.add(name)
        if plan.defers(name):
            pending += reversed(children.get(name, []))
        elif name not in plan.skipped:
            roots[name] = None
    limit = min((n for name, n in begun.items() if variables.is_patcher(name)), default=len(begun))
    return [name for name in roots if begun[name] <= limit]


def _with_parents(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]


def first_plan(handler: str, *, level: str = FULL, dump: bool = True) -> Plan:
    """The discovery pass: import the handler as it is."""
    return Plan(handler=handler, level=level, dump=dump)
