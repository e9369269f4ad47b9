"""Medians with bootstrap intervals. Nothing here assumes that times are distributed normally."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

RESAMPLES = 1000
CONFIDENCE = 0.95
BEYOND = 10  # samples that have to lie beyond a percentile that is shown
NOISY = 0.10  # of a median: an interval wider than that makes a cell noisy


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval (``low``, ``high``) from ``n`` samples."""

    n: int
    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low

    @property
    def is_noisy(self) -> bool:
        return self.width > NOISY * abs(self.value)


@dataclass(frozen=True, kw_only=True)
class Spread(Estimate):
    """The median of samples, and where they lie."""

    minimum: float
    p10: float
    p90: float


def quantile(ordered: Sequence[float], part: float) -> float:
    """Between the two samples around it, as numpy and R do by default."""
    place = (len(ordered) - 1) * part
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def carries(count: int, part: float) -> bool:
    """Whether so many samples say anything about this percentile."""
    return count * (1 - part) >= BEYOND - 1e-9


def spread(samples: Sequence[float]) -> Spread:
    """ValueError for no samples at all."""
    ordered = sorted(samples)
    interval = _bootstrap(len(ordered), lambda picks: _median([ordered[i] for i in picks]))
    return Spread(
        n=len(ordered),
        value=statistics.median(ordered),
        low=interval[0],
        high=interval[1],
        minimum=ordered[0],
        p10=quantile(ordered, 0.1),
        p90=quantile(ordered, 0.9),
    )


def ratio(samples: Mapping[int, float], reference: Mapping[int, float]) -> Estimate | None:
    """How often the median of ``samples`` goes into that of ``reference``: 2 is twice as fast.

    Both by round. What was measured in the same round is drawn together: a slow moment of the
    machine that hit both does not widen the interval. None without a common round.
    """
    return _paired(samples, reference, lambda a, b: b / a)


def difference(samples: Mapping[int, float], reference: Mapping[int, float]) -> Estimate | None:
    """By how much the median of ``samples`` is above that of ``reference``; as ``ratio``."""
    return _paired(samples, reference, lambda a, b: a - b)


def change(new: Sequence[float], old: Sequence[float]) -> Estimate:
    """The median of ``new`` divided by that of ``old``, from two runs: nothing is paired."""
    source = random.Random(0)
    values = [
        statistics.median(source.choices(new, k=len(new)))
        / statistics.median(source.choices(old, k=len(old)))
        for _ in range(RESAMPLES)
    ]
    low, high = _interval(values)
    value = statistics.median(new) / statistics.median(old)
    return Estimate(n=min(len(new), len(old)), value=value, low=low, high=high)


def _paired(
    samples: Mapping[int, float],
    reference: Mapping[int, float],
    combine: Callable[[float, float], float],
) -> Estimate | None:
    rounds = sorted(samples.keys() & reference.keys())
    if not rounds:
        return None
    ours, theirs = [samples[r] for r in rounds], [reference[r] for r in rounds]

    def of(picks: Sequence[int]) -> float:
        return combine(
            _median([ours[i] for i in picks]),
            _median([theirs[i] for i in picks]),
        )

    low, high = _bootstrap(len(rounds), of)
    return Estimate(n=len(rounds), value=of(range(len(rounds))), low=low, high=high)


def _bootstrap(count: int, statistic: Callable[[Sequence[int]], float]) -> tuple[float, float]:
    """The percentile interval of a statistic over indices drawn with replacement."""
    return _interval([statistic(picks) for picks in _resamples(count)])


@cache
def _resamples(count: int) -> list[list[int]]:
    """The generator begins anew each time: a report made twice of the same samples is the same."""
    source = random.Random(0)
    return [source.choices(range(count), k=count) for _ in range(RESAMPLES)]


def _median(values: list[float]) -> float:
    """As statistics.median, in a third of the time: it is taken a million times for a report."""
    values.sort()
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def _interval(values: list[float]) -> tuple[float, float]:
    values.sort()
    tail = (1 - CONFIDENCE) / 2
    return quantile(values, tail), quantile(values, 1 - tail)
