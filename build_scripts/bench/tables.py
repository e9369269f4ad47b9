"""The tables of a report, as data: report.md and report.html show the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from build_scripts.bench import summary
from build_scripts.bench.conditions import FULL
from build_scripts.bench.stats import NOISY

if TYPE_CHECKING:
    from build_scripts.bench.stats import Estimate
    from build_scripts.bench.summary import Cell, Summary

MB = 1e6
NOISE_MARK = "†"
SHORT_MARK = "‡"
SHORT_NOTE = f"{SHORT_MARK} fewer starts than planned."
NO_NUMBER = "–"
NOISE_NOTE = f"{NOISE_MARK} noisy: the 95 % interval is wider than {NOISY:.0%} of the median."


@dataclass(frozen=True, kw_only=True)
class Table:
    """The first column names the row; the others are numbers."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def digits(value: float) -> str:
    """Three digits that count, no exponent."""
    if value >= 99.95:
        return f"{value:,.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}"


def bytes_mb(value: float | None) -> str:
    return NO_NUMBER if value is None else f"{value / MB:.1f}" if value >= MB / 2 else "< 0.5"


def mark(cell: Cell) -> str:
    noisy = NOISE_MARK if cell.cold and cell.cold.is_noisy else ""
    marks = noisy + (SHORT_MARK if cell.cold and cell.is_short else "")
    return f" {marks}" if marks else ""


def _notes(rows: Sequence[Sequence[str]]) -> str:
    """What the marks in a table stand for."""
    text = " ".join(cell for row in rows for cell in row)
    notes = ((NOISE_MARK, NOISE_NOTE), (SHORT_MARK, SHORT_NOTE))
    return " ".join(note for sign, note in notes if sign in text)


def conditions(found: Summary) -> list[str]:
    """All that occur, in the order of the plan."""
    return list(dict.fromkeys(c for names in found.workloads.values() for c in names))


def headline(found: Summary) -> Table:
    """Cold starts and how many times as fast as the reference each is."""
    rows = []
    for workload in found.workloads:
        cells = {
            name: found.cell(workload, found.main(workload), name) for name in found.contenders
        }
        texts = (_headline(c, is_reference=n == found.reference) for n, c in cells.items())
        rows.append((workload, *texts))
    return Table(
        headings=(
            "ms from exec to the first answer"
            if found.is_local
            else "Init Duration + Duration, ms",
            *found.contenders,
        ),
        rows=tuple(rows),
        note=f"Medians, and how many times as fast as {found.reference} that is."
        f" {_notes(rows)}".rstrip(),
    )


def _headline(cell: Cell, *, is_reference: bool) -> str:
    if cell.cold is None:
        return NO_NUMBER
    shown = cell.ratio is not None and not is_reference
    ratio = f" ({digits(cell.ratio.value)}×)" if shown and cell.ratio else ""
    return f"{digits(cell.cold.value)}{mark(cell)}{ratio}"


def cold_starts(found: Summary, workload: str) -> Table:
    """One workload with all that was measured of its starts."""
    rows = []
    for name in found.contenders:
        cell = found.cell(workload, found.main(workload), name)
        if cell.cold is None or cell.init is None:
            rows.append((name, *[NO_NUMBER] * 10))
            continue
        cold, ratio = cell.cold, cell.ratio
        compared = ratio is not None and name != found.reference
        rows.append(
            (
                name,
                digits(cell.init.value),
                f"{digits(cold.value)}{mark(cell)}",
                f"{digits(cold.low)} – {digits(cold.high)}",
                f"{digits(cold.p10)} – {digits(cold.p90)}",
                digits(cold.minimum),
                *((_slower(cell), _interval(ratio)) if compared else (NO_NUMBER,) * 2),
                *(_median(cell, what) for what in ("cpu_ms", "minor_faults", "major_faults")),
            )
        )
    return Table(
        headings=(
            *("contender", "init ms", "cold start ms", "95 % interval", "P10 – P90", "least"),
            *(f"ms more than {found.reference}", "times as fast"),
            *("CPU ms", "faults", "from disk"),
        ),
        rows=tuple(rows),
        note=_notes(rows),
    )


def _interval(ratio: Estimate | None) -> str:
    if ratio is None:
        return NO_NUMBER
    return f"{digits(ratio.value)} [{digits(ratio.low)}, {digits(ratio.high)}]"


def _slower(cell: Cell) -> str:
    if cell.difference is None:
        return NO_NUMBER
    value, low, high = (
        f"{'−' if ms < 0 else ''}{digits(abs(ms))}"
        for ms in (cell.difference.value, cell.difference.low, cell.difference.high)
    )
    return f"{value} [{low}, {high}]"


def _median(cell: Cell, what: str) -> str:
    value = cell.medians.get(what)
    if value is None:
        return NO_NUMBER
    return f"{value:,.0f}" if what.endswith("faults") else digits(value)


def running(found: Summary, workload: str) -> Table:
    """Warm latency, memory, sizes."""
    rows = []
    for name in found.contenders:
        cell = found.cell(workload, found.main(workload), name)
        sizes = [found.size(workload, name, what) for what in ("bootstrap", "zip")]
        build = found.size(workload, name, "build_seconds")
        rows.append(
            (
                name,
                *_latencies(cell),
                *(_median(cell, what) for what in ("rss_mb", "pss_mb", "anon_mb")),
                *map(bytes_mb, sizes),
                NO_NUMBER if build is None else f"{build:.1f}",
            )
        )
    return Table(
        headings=(
            *("contender", "warm µs: P50", "P90", "P99", "P99.9", "per second"),
            *("RSS MB", "PSS MB", "of its own", "bootstrap MB", "zip MB", "build s"),
        ),
        rows=tuple(rows),
    )


def _latencies(cell: Cell) -> list[str]:
    if cell.warm is None:
        return [NO_NUMBER] * 5
    found = cell.warm.percentiles.values()
    shown = [NO_NUMBER if value is None else digits(value) for value in found]
    return [*shown, f"{cell.warm.per_second:,.0f}"]


def by_condition(found: Summary, workload: str) -> Table | None:
    """Cold starts of all conditions; None where there is one only."""
    names = found.workloads[workload]
    if len(names) < 2:
        return None
    rows = [
        (name, *(_short(found.cell(workload, condition, name)) for condition in names))
        for name in found.contenders
    ]
    return Table(headings=("cold start ms", *names), rows=tuple(rows), note=_notes(rows))


def _short(cell: Cell) -> str:
    return NO_NUMBER if cell.cold is None else f"{digits(cell.cold.value)}{mark(cell)}"


def costs(found: Summary) -> Table:
    """USD for a million cold starts, with the memory size of the condition."""
    prices = found.facts["prices"]
    rows = []
    for workload, names in found.workloads.items():
        for condition in names:
            if condition.startswith("cold") or (condition == FULL.name and _has_size(names)):
                continue
            memory = summary.memory_of(condition)
            cells = [found.cell(workload, condition, name) for name in found.contenders]
            if any(cell.cold for cell in cells):
                values = (
                    summary.cost_per_million(c.cold.value, memory, prices) if c.cold else None
                    for c in cells
                )
                shown = (NO_NUMBER if v is None else f"{v:,.2f}" for v in values)
                rows.append((f"{workload}, {memory} MB", *shown))
    return Table(
        headings=("USD per million cold starts", *found.contenders),
        rows=tuple(rows),
        note=f"{prices['gb_second']:.10f} USD per GB-s, {prices['million_requests']:.2f} USD per "
        "million requests; initialisation and first request billed together, in whole ms.",
    )


def _has_size(names: Sequence[str]) -> bool:
    return any(name == f"{summary.MEMORY_MB} MB" for name in names)


def failures(found: Summary) -> Table | None:
    """Why cells have no number; the same reason once."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for workload, names in found.workloads.items():
        for contender in found.contenders:
            for condition in names:
                why = found.cell(workload, condition, contender).failure
                if why:
                    reasons.setdefault((workload, contender, why), []).append(condition)
    rows = tuple(_failure_rows(found, reasons))
    return Table(headings=("no number", "contender", "under", "why"), rows=rows) if rows else None


def _failure_rows(
    found: Summary, reasons: dict[tuple[str, str, str], list[str]]
) -> Iterator[tuple[str, str, str, str]]:
    done = set()
    for (workload, contender, why), names in reasons.items():
        same = [c for w, c, reason in reasons if w == workload and reason == why]
        everybody = len(same) == len(found.contenders)
        if everybody and (workload, why) in done:
            continue
        done.add((workload, why))
        every = len(names) == len(found.workloads[workload])
        yield workload, "all" if everybody else contender, "all" if every else ", ".join(names), why
