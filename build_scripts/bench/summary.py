"""Samples to numbers. Every report is made from a Summary and from nothing else."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from build_scripts.bench import stats
from build_scripts.bench.conditions import FULL
from build_scripts.bench.stats import Estimate, Spread

if TYPE_CHECKING:
    from build_scripts.bench.samples import Row, Store

PERCENTILES = (0.5, 0.9, 0.99, 0.999)
MEMORY_MB = 1769  # of a function with one core: what a cell without a limit is billed as
BUSY = 1.5  # times the quietest C echo: then the machine had something else to do
Key = tuple[str, str, str]  # workload, condition, contender


@dataclass(frozen=True, kw_only=True)
class Warm:
    """Latencies in µs. A percentile that the sample does not carry is None."""

    n: int
    p10: float
    percentiles: Mapping[float, float | None]
    per_second: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One contender with one workload under one condition. Times in ms, memory in MB.

    ``failure``: why there is no number, or "". ``ratio``: how many times as fast as the reference.
    """

    failure: str = ""
    cold: Spread | None = None
    init: Spread | None = None
    first: Spread | None = None
    medians: Mapping[str, float]
    warm: Warm | None = None
    ratio: Estimate | None = None
    difference: Estimate | None = None
    samples: Mapping[int, float]  # cold, by round
    is_short: bool = False  # fewer starts than planned


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The C echo before, between or after the cells."""

    at: float
    cold: Spread


@dataclass(frozen=True, kw_only=True)
class Summary:
    facts: Mapping[str, Any]
    reference: str
    workloads: Mapping[str, tuple[str, ...]]  # with their conditions
    contenders: tuple[str, ...]
    cells: Mapping[Key, Cell]
    skipped: Mapping[tuple[str, str], str]  # conditions of a workload that were not permitted
    probes: tuple[Probe, ...]
    steal: float  # the greatest part of the time that the hypervisor took in a block
    load: float  # the highest that there was

    @property
    def is_complete(self) -> bool:
        return bool(self.facts.get("finished"))

    @property
    def is_local(self) -> bool:
        return bool(self.facts["plan"].get("target", "local") == "local")

    def cell(self, workload: str, condition: str, contender: str) -> Cell:
        return self.cells[workload, condition, contender]

    def size(self, workload: str, contender: str, what: str) -> float | None:
        """A fact of a contender: bytes of bootstrap or zip, seconds of the build."""
        value = self.facts.get("facts", {}).get(workload, {}).get(contender, {}).get(what)
        return None if value is None else float(value)

    def main(self, workload: str) -> str:
        """The condition that counts for this workload: all of the machine, or the most memory."""
        names = self.workloads[workload]
        return names[0] if names[0] == FULL.name else names[-1]

    @property
    def noise(self) -> float:
        """The busiest C echo against the quietest one: 1 is a quiet machine."""
        medians = [probe.cold.value for probe in self.probes]
        return max(medians) / min(medians) if medians else 1.0


def summarise(store: Store) -> Summary:
    """What the rows say, failures included."""
    plan = store.facts["plan"]
    measured: dict[Key, list[Row]] = defaultdict(list)
    failed: dict[Key, str] = {}
    skipped: dict[tuple[str, str], str] = {}
    probes: dict[int, list[Row]] = defaultdict(list)
    machine = []
    for row in store.rows:
        if "probe" in row:
            probes[row["probe"]].append(row)
        elif "steal" in row:
            machine.append(row)
        elif "round" in row:
            key = (row["workload"], row["condition"], row["contender"])
            measured[key].append(row)
            failed.pop(key, None)
            failed.pop((row["workload"], "", row["contender"]), None)
        elif row["contender"] == "*":
            skipped[row["workload"], row["condition"]] = row["detail"]
        else:
            key = (row["workload"], row["condition"], row["contender"])
            failed[key] = f"{row['failed']}: {row['detail']}"
    cells: dict[Key, Cell] = {}
    for workload, conditions in plan["conditions"].items():
        for condition in conditions:
            for name in plan["contenders"]:
                key = (workload, condition, name)
                why = failed.get(key) or failed.get((workload, "", name), "")
                why = why or skipped.get((workload, condition), "")
                base = measured.get((workload, condition, plan["reference"]), [])
                cells[key] = _cell(measured.get(key, []), why, base, plan["runs"])
    return Summary(
        facts=store.facts,
        reference=plan["reference"],
        workloads={name: tuple(found) for name, found in plan["conditions"].items()},
        contenders=tuple(plan["contenders"]),
        cells=cells,
        skipped=skipped,
        probes=tuple(
            Probe(at=rows[0]["at"], cold=stats.spread([row["cold_ms"] for row in rows]))
            for rows in ([r for r in found if "cold_ms" in r] for found in probes.values())
            if rows
        ),
        steal=max((row["steal"] for row in machine), default=0.0),
        load=max((row["load"] for row in machine), default=0.0),
    )


def _cell(rows: list[Row], failure: str, reference: list[Row], planned: int) -> Cell:
    if failure or not rows:
        return Cell(failure=failure or "not measured", medians={}, samples={})
    cold = _by_round(rows, "cold_ms")
    names = ("cpu_ms", "minor_faults", "major_faults", "rss_mb", "pss_mb", "anon_mb")
    base = _by_round(reference, "cold_ms")
    return Cell(
        cold=stats.spread(list(cold.values())),
        init=stats.spread([row["init_ms"] for row in rows]),
        first=stats.spread([row["cold_ms"] - row["init_ms"] for row in rows]),
        medians={
            name: statistics.median(row[name] for row in rows) for name in names if name in rows[0]
        },
        warm=_warm(rows),
        ratio=stats.ratio(cold, base) if base else None,
        difference=stats.difference(cold, base) if base else None,
        samples=cold,
        is_short=len(cold) < planned,
    )


def _by_round(rows: list[Row], name: str) -> dict[int, float]:
    return {row["round"]: row[name] for row in rows}


def _warm(rows: list[Row]) -> Warm | None:
    warm = [row for row in rows if row.get("warm_us")]
    latencies = sorted(value for row in warm for value in row["warm_us"])
    if not latencies:
        return None
    wall = sum(row["warm_wall_ms"] for row in warm)
    return Warm(
        n=len(latencies),
        p10=stats.quantile(latencies, 0.1),
        percentiles={
            part: stats.quantile(latencies, part)
            if part == PERCENTILES[0] or stats.carries(len(latencies), part)
            else None
            for part in PERCENTILES
        },
        per_second=1000.0 * len(latencies) / wall,
    )


def cost_per_million(milliseconds: float, memory: int, prices: Mapping[str, float]) -> float:
    """USD for a million cold starts: whole ms are billed, initialisation and first request."""
    gb_seconds = memory / 1024 * math.ceil(milliseconds) / 1000
    return 1e6 * gb_seconds * prices["gb_second"] + prices["million_requests"]


def memory_of(condition: str) -> int:
    """In MB, of a condition by its name."""
    number = condition.removesuffix(" MB")
    return int(number) if number.isdigit() else MEMORY_MB
