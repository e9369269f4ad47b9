"""The plots of report.html, as SVG text. Colours are the page's CSS variables: light and dark."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from build_scripts.bench.tables import MB, digits

if TYPE_CHECKING:
    from build_scripts.bench.summary import Cell, Summary

WIDTH = 540
LABEL = 118  # for names at the left
VALUE = 104  # for numbers at the right
ROW = 25
TOP = 8
AXIS = 42  # for ticks and what they count
PLOT = WIDTH - LABEL - VALUE


def bars(found: Summary, workload: str, condition: str) -> str:
    """Initialisation and first request, stacked; whiskers from P10 to P90 of the sum."""
    cells = {name: found.cell(workload, condition, name) for name in found.contenders}
    ends = [cell.cold.p90 for cell in cells.values() if cell.cold]
    if not ends:
        return ""
    scale = _Linear(max(ends))
    parts = [*_vertical_axis(scale, len(cells), "ms")]
    for row, (name, cell) in enumerate(cells.items()):
        parts += _bar(row, name, cell, scale)
    about = f"{workload}, {condition}: initialisation and first request by contender"
    return _svg(parts, len(cells), about)


def _bar(row: int, name: str, cell: Cell, scale: _Linear) -> Iterator[str]:
    y = TOP + row * ROW
    middle = y + ROW / 2
    yield _text(LABEL - 8, middle + 4, name, "name")
    if cell.cold is None or cell.init is None:
        yield _text(LABEL + 4, middle + 4, _cut(f"no number: {cell.failure}", 58), "none")
        return
    init, cold = scale.at(cell.init.value), scale.at(cell.cold.value)
    told = f"{name}: {digits(cell.init.value)} ms + {digits(cell.cold.value - cell.init.value)} ms"
    yield f"<g><title>{escape(told)}</title>"
    yield _rect(LABEL, y + 5, max(init, 0.8), ROW - 10, "init")
    yield _rect(LABEL + init, y + 5, max(cold - init, 0.6), ROW - 10, "first")
    low, high = LABEL + scale.at(cell.cold.p10), LABEL + scale.at(cell.cold.p90)
    yield _line(low, middle, high, middle, "whisker")
    for x in (low, high):
        yield _line(x, middle - 4, x, middle + 4, "whisker")
    yield "</g>"
    yield _text(max(high, LABEL + cold) + 6, middle + 4, f"{digits(cell.cold.value)} ms", "value")


def warm(found: Summary, workload: str) -> str:
    """Latency of warm invocations: P10 to P90, the median, P99 and P99.9 where carried."""
    cells = {name: found.cell(workload, found.main(workload), name) for name in found.contenders}
    known = [cell.warm for cell in cells.values() if cell.warm]
    if not known:
        return ""
    ends = [value for w in known for value in w.percentiles.values() if value is not None]
    scale = _Log(min(w.p10 for w in known), max(ends))
    parts = [*_vertical_axis(scale, len(cells), "µs, logarithmic")]
    for row, (name, cell) in enumerate(cells.items()):
        middle = TOP + row * ROW + ROW / 2
        parts.append(_text(LABEL - 8, middle + 4, name, "name"))
        if cell.warm is None:
            parts.append(_text(LABEL + 4, middle + 4, "no number", "none"))
            continue
        p50, p90, p99, p999 = cell.warm.percentiles.values()
        assert p50 is not None
        left, centre = LABEL + scale.at(cell.warm.p10), LABEL + scale.at(p50)
        right = LABEL + scale.at(p90 or p50)
        last = max(v for v in (p50, p90, p99, p999) if v is not None)
        parts.append(_line(right, middle, LABEL + scale.at(last), middle, "whisker"))
        parts.append(_rect(left, middle - 6, max(right - left, 1.5), 12, "band"))
        parts.append(_line(centre, middle - 9, centre, middle + 9, "median"))
        for value, kind in ((p99, "p99"), (p999, "p999")):
            if value is not None:
                parts.append(
                    _dot(LABEL + scale.at(value), middle, 3.2, kind, f"{digits(value)} µs")
                )
        end = LABEL + scale.at(last)
        parts.append(_text(end + 9, middle + 4, f"{digits(p50)} µs", "value"))
    return _svg(parts, len(cells), f"{workload}: latency of warm invocations by contender")


def sizes(found: Summary, workload: str) -> str:
    """Size of the zip against the cold start."""
    points = []
    for name in found.contenders:
        cell, size = (
            found.cell(workload, found.main(workload), name),
            found.size(workload, name, "zip"),
        )
        if cell.cold and size is not None:
            points.append((size / MB, cell.cold.value, name))
    if len(points) < 2:
        return ""
    height, left, right = 200, 64, 140
    across = _Linear(max(x for x, _, _ in points), width=WIDTH - left - right)
    down = _Log(min(y for _, y, _ in points), max(y for _, y, _ in points), width=height)
    parts = []
    for tick in across.ticks:
        x = left + across.at(tick)
        parts.append(_line(x, TOP, x, TOP + height, "grid"))
        parts.append(_text(x, TOP + height + 15, _tick(tick), "tick"))
    for tick in down.ticks:
        y = TOP + height - down.at(tick)
        parts.append(_line(left, y, WIDTH - right, y, "grid"))
        parts.append(_text(left - 6, y + 4, _tick(tick), "ytick"))
    middle = left + (WIDTH - left - right) / 2
    parts.append(_text(middle, TOP + height + 30, "MB of function.zip", "tick"))
    parts.append(
        f'<text class="tick" transform="translate(14 {TOP + height / 2}) rotate(-90)">'
        "cold start ms, logarithmic</text>"
    )
    placed = [(left + across.at(x), TOP + height - down.at(y), name) for x, y, name in points]
    labels = _apart([y for _, y, _ in placed], 14.0, (TOP + 6.0, TOP + height - 4.0))
    for (x, y, name), at in zip(placed, labels, strict=True):
        parts.append(_line(x + 4, y, x + 13, at, "leader"))
        parts.append(_dot(x, y, 4.5, "point", name))
        parts.append(_text(x + 16, at + 4, name, "value"))
    return _svg(parts, 0, f"{workload}: size of the zip against the cold start", TOP + height + 38)


def noise(found: Summary) -> str:
    """The C echo over the time of the run."""
    if len(found.probes) < 2:
        return ""
    begin = found.probes[0].at
    minutes = [(probe.at - begin) / 60 for probe in found.probes]
    height, left, width = 120, 64, WIDTH * 2 - 64 - 24
    across = _Linear(max(minutes[-1], 0.1), width=width)
    up = _Linear(max(probe.cold.p90 for probe in found.probes), width=height)
    parts = [
        _text(left + across.at(tick), TOP + height + 15, _tick(tick), "tick")
        for tick in across.ticks
    ]
    for tick in up.ticks:
        y = TOP + height - up.at(tick)
        parts.append(_line(left, y, left + width, y, "grid"))
        parts.append(_text(left - 6, y + 4, _tick(tick), "ytick"))
    parts.append(_text(left + width / 2, TOP + height + 30, "minutes since the begin", "tick"))
    parts.append(
        f'<text class="tick" transform="translate(14 {TOP + height / 2}) rotate(-90)">'
        "C echo, ms</text>"
    )
    for minute, probe in zip(minutes, found.probes, strict=True):
        x = left + across.at(minute)
        low, high = (TOP + height - up.at(v) for v in (probe.cold.p10, probe.cold.p90))
        parts.append(_line(x, low, x, high, "whisker"))
        y = TOP + height - up.at(probe.cold.value)
        parts.append(_dot(x, y, 3.5, "point", f"{digits(probe.cold.value)} ms"))
    about = "cold start of the C echo over the time of the run"
    return _svg(parts, 0, about, TOP + height + 38, WIDTH * 2)


class _Linear:
    """From 0 to a little more than ``largest``."""

    def __init__(self, largest: float, width: float = PLOT) -> None:
        step: float = 10.0 ** math.floor(math.log10(largest / 2))
        step = next(
            s for s in (step, 2 * step, 2.5 * step, 5 * step, 10 * step) if largest / s <= 5
        )
        self.end = max(largest, step)
        self.width = width
        self.ticks = [step * i for i in range(int(self.end / step + 1e-9) + 1)]

    def at(self, value: float) -> float:
        return value / self.end * self.width


class _Log:
    """Whole steps of 1, 2, 5 around both."""

    def __init__(self, least: float, largest: float, width: float = PLOT) -> None:
        exponents = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(largest)) + 2)
        steps = [m * math.pow(10, e) for e in exponents for m in (1, 2, 5)]
        below = max(s for s in steps if s <= least * 0.97)
        above = min(s for s in steps if s >= largest * 1.03)
        self.begin, self.span, self.width = below, math.log(above / below), width
        ticks = [s for s in steps if below <= s <= above]
        self.ticks = ticks if len(ticks) <= 7 else [t for t in ticks if _is_power(t)]

    def at(self, value: float) -> float:
        return float(math.log(value / self.begin) / self.span * self.width)


def _is_power(value: float) -> bool:
    return abs(math.log10(value) - round(math.log10(value))) < 1e-9


def _apart(places: Sequence[float], least: float, limits: tuple[float, float]) -> list[float]:
    """The same places, moved so far that none is closer than ``least`` to the next or outside."""
    order = sorted(range(len(places)), key=places.__getitem__)
    found = [min(max(place, limits[0]), limits[1]) for place in places]
    for _ in range(200):
        moved = False
        for a, b in itertools.pairwise(order):
            lack = least - (found[b] - found[a])
            if lack > 0.01:
                found[a] = max(found[a] - lack / 2, limits[0])
                found[b] = min(found[a] + least, limits[1])
                moved = True
        if not moved:
            break
    return found


def _vertical_axis(scale: _Linear | _Log, rows: int, unit: str) -> Iterator[str]:
    bottom = TOP + rows * ROW
    for tick in scale.ticks:
        x = LABEL + scale.at(tick)
        yield _line(x, TOP, x, bottom, "grid")
        yield _text(x, bottom + 14, _tick(tick), "tick")
    yield _text(WIDTH - 4, bottom + 28, unit, "unit")


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _svg(
    parts: Sequence[str], rows: int, about: str, height: float | None = None, width: int = WIDTH
) -> str:
    tall = height or TOP + rows * ROW + AXIS - 8
    return (
        f'<svg viewBox="0 0 {width} {tall:.0f}" role="img" aria-label="{escape(about)}">'
        + "".join(parts)
        + "</svg>"
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} class="{kind}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _dot(x: float, y: float, radius: float, kind: str, about: str) -> str:
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius}"'
    return f'<circle {place} class="{kind}"><title>{escape(about)}</title></circle>'
