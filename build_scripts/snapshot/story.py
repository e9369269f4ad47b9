"""The whole story of a snapshot, for --explain-snapshot: what each pass found, who needs whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from build_scripts.snapshot import patterns
from build_scripts.snapshot.plan import RUNTIME

if TYPE_CHECKING:
    from build_scripts.snapshot.events import VariableUse
    from build_scripts.snapshot.findings import Reason
    from build_scripts.snapshot.plan import Decision, Plan

_MOST = 60  # lines of one kind


def explain(history: Sequence[Decision]) -> list[str]:
    """Lines for people."""
    lines: list[str] = []
    for decision in history:
        lines += _pass(decision)
    if history:
        lines += _result(history[-1])
    return lines


def _pass(decision: Decision) -> Iterator[str]:
    plan, report = decision.ran, decision.report
    yield f"pass {plan.number}: {_aim(plan)}"
    count = Counter(name.partition(".")[0] for name in report.modules)
    if count:
        most = ", ".join(f"{name} {n}" for name, n in count.most_common(6))
        yield f"  {len(report.modules)} modules initialised ({most})"
    for failed in report.failed:
        if failed.needs != failed.module:
            why = f"needs {failed.needs}" if failed.needs else f"raised {failed.error}"
            yield f"  {failed.module} {why}{_chain(failed.chain)}"
    if report.running:
        yield f"  the process ended in {report.running[-1]} ({report.ended})"
    if report.ignored:
        yield f"  {report.ignored} lines of the report were not understood"
    for reason in decision.found.values():
        yield f"  defer {reason.line_text}{_chain(reason.chain)}"
    if decision.why_runtime:
        yield f"  nothing of yours can be initialised: {decision.why_runtime}"
    if decision.off:
        yield f"  no image: {decision.off}"


def _aim(plan: Plan) -> str:
    if plan.level == RUNTIME:
        return "the runtime only"
    if plan.locate:
        return "the same once more, to find the lines"
    if plan.preload:
        return f"without {len(plan.deferred)} modules; {len(plan.preload)} imported in their place"
    return f"import {plan.handler_module}"


def _chain(chain: Sequence[str]) -> str:
    return f"  [{' > '.join(chain)}]" if len(chain) > 1 else ""


def _result(last: Decision) -> Iterator[str]:
    if not last.sound:
        return
    yield "result:"
    yield from _some([f"  deferred {_row(why)}" for why in last.plan.deferred.values()])
    for name, value in sorted(last.guards.items()):
        yield f"  checked at start: {_state(name, value)}"
    yield from (f"  kept as the build has it: {note}" for note in last.notes)
    for use in _unique(last.report.variables):
        yield f"  {use.module or 'the runtime'} reads {use.name}{_how(use)}"
    if last.report.adapters:
        yield f"  adapters at work: {', '.join(last.report.adapters)}"
    for name in last.report.written:
        yield f"  set again at start: {name}"


def _state(name: str, value: str | None) -> str:
    if pattern := patterns.parse(name):
        return f"no other variable is {pattern.shown}"
    return f"{name} is not set" if value is None else f"{name} = {value!r}"


def _row(why: Reason) -> str:
    return f"{why.line_text}{_chain(why.chain)}"


def _how(use: VariableUse) -> str:
    if use.handled:
        return f" (taken care of: {use.handled})"
    place = f": {use.file}:{use.line}" if use.file and use.line else ""
    return place + (f" (through {use.reader})" if use.reader not in ("", use.module) else "")


def _unique(uses: Sequence[VariableUse]) -> list[VariableUse]:
    found = {(u.module, u.name): u for u in reversed(uses) if u.how == "read" and u.module}
    return list(reversed(found.values()))


def _some(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST:
        return lines
    return [*lines[:_MOST], f"  … and {len(lines) - _MOST} more"]
