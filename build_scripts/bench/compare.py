"""What changed between two runs, cell by cell, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from build_scripts.bench import stats, tables

if TYPE_CHECKING:
    from build_scripts.bench.stats import Estimate
    from build_scripts.bench.summary import Summary


@dataclass(frozen=True, kw_only=True)
class Change:
    """``factor``: new median by old median; None where one of the runs has no number."""

    workload: str
    condition: str
    contender: str
    old: float | None
    new: float | None
    factor: Estimate | None
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.factor is None:
            return self.note
        if self.factor.low > 1:
            return "slower"
        if self.factor.high < 1:
            return "faster"
        return "no difference seen"


def compare(old: Summary, new: Summary) -> list[Change]:
    """All cells that either of them has, in the order of the new one."""
    found = []
    for key in dict.fromkeys([*new.cells, *old.cells]):
        before, after = old.cells.get(key), new.cells.get(key)
        note = "only in the old run" if after is None else "only in the new run"
        factor = None
        if before and after:
            reasons = [c.failure for c in (before, after) if c.failure]
            note = reasons[0] if reasons else ""
            if not reasons:
                samples = [list(c.samples.values()) for c in (after, before)]
                factor = stats.change(*samples)
        found.append(
            Change(
                workload=key[0],
                condition=key[1],
                contender=key[2],
                old=before.cold.value if before and before.cold else None,
                new=after.cold.value if after and after.cold else None,
                factor=factor,
                note=note,
            )
        )
    return found


def table(changes: list[Change]) -> str:
    """As a Markdown table, to be pasted where it is discussed."""
    lines = [
        "| workload | condition | contender | old ms | new ms | new / old [95 %] | |",
        "|---|---|---|---|---|---|---|",
    ]
    for change in changes:
        times = (
            tables.NO_NUMBER if t is None else tables.digits(t) for t in (change.old, change.new)
        )
        factor = tables.NO_NUMBER
        if change.factor:
            factor = (
                f"{change.factor.value:.3f} [{change.factor.low:.3f}, {change.factor.high:.3f}]"
            )
        cells = (
            change.workload,
            change.condition,
            change.contender,
            *times,
            factor,
            change.verdict,
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "Times from exec to the first answer, medians. `limit` tells how far the machine itself",
        "differs between the two runs.",
    ]
    return "\n".join(lines)
