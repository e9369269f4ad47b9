"""Takes the numbers of README.md and docs/benchmarks.md from a run of `build-native bench`.

    python benchmarks/update_docs.py            # write them
    python benchmarks/update_docs.py --check    # exit status 1 where they differ

The run is benchmarks/results/reference. What stands between `<!-- numbers: NAME -->` and
`<!-- end of NAME -->` is made here and nowhere else.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from build_scripts.bench import report, samples, summary, tables
from build_scripts.bench.conditions import FULL
from build_scripts.bench.summary import Cell, Summary

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "benchmarks" / "results" / "reference"
FILES = ("README.md", "docs/benchmarks.md")
OURS, WITHOUT, THEIRS, LIMIT = "native+snapshot", "native", "awslambdaric", "limit"
ROWS = {
    OURS: "**bootstrap**",
    WITHOUT: "the same without its snapshot",
    THEIRS: "awslambdaric on CPython 3.13",
    LIMIT: "a C program that answers a constant",
}
# The README's columns: workload, condition, heading.
COLUMNS = (
    ("hello", FULL.name, "hello"),
    ("api", FULL.name, "JSON API"),
    ("model", FULL.name, "pydantic model"),
    ("solve", FULL.name, "numpy"),
    ("factors", FULL.name, "sympy"),
    ("table.health", FULL.name, "boto3 table at import"),
    ("table", FULL.name, "… and an item read"),
    ("table", "128 MB", "… with the CPU of 128 MB"),
)
BESIDES = ("hello", "api", "model", "solve", "factors", "table")


def headline(found: Summary) -> Iterator[str]:
    """The README's table."""
    columns = [c for c in COLUMNS if c[1] in found.workloads.get(c[0], ())]
    yield "| | " + " | ".join(heading for *_, heading in columns) + " |"
    yield "|" + "---|" * (len(columns) + 1)
    for name, label in ROWS.items():
        cells = [_time(found.cell(w, c, name), bold=name == OURS) for w, c, _ in columns]
        yield f"| {label} | " + " | ".join(cells) + " |"
    ratios = [_ratio(found.cell(w, c, OURS)) for w, c, _ in columns]
    yield "| bootstrap against awslambdaric | " + " | ".join(ratios) + " |"


def _time(cell: Cell, *, bold: bool) -> str:
    if cell.cold is None:
        return tables.NO_NUMBER
    text = f"{tables.digits(cell.cold.value)} ms"
    return f"**{text}**" if bold else text


def _ratio(cell: Cell) -> str:
    """With its interval, in whole numbers."""
    if cell.ratio is None:
        return tables.NO_NUMBER
    return f"{cell.ratio.value:,.0f}× ({cell.ratio.low:,.0f} – {cell.ratio.high:,.0f})"


def besides(found: Summary) -> Iterator[str]:
    """What else there is to say of hello and the table: memory, warm invocations, sizes."""
    headings = ("", "memory", THEIRS, "warm invocation", THEIRS, "zip", "build after a change")
    yield "| " + " | ".join(headings) + " |"
    yield "|---|---|---|---|---|---|---|"
    for workload in BESIDES:
        if workload not in found.workloads:
            continue
        ours, theirs = (found.cell(workload, FULL.name, name) for name in (OURS, THEIRS))
        size = found.size(workload, OURS, "zip")
        seconds = found.size(workload, OURS, "build_seconds")
        cells = (
            *(_memory(cell) for cell in (ours, theirs)),
            *(_warm(cell) for cell in (ours, theirs)),
            f"{tables.bytes_mb(size)} MB",
            tables.NO_NUMBER if seconds is None else f"{seconds:.1f} s",
        )
        yield f"| {workload} | " + " | ".join(cells) + " |"


def _memory(cell: Cell) -> str:
    value = cell.medians.get("rss_mb")
    return tables.NO_NUMBER if value is None else f"{value:.1f} MB"


def _warm(cell: Cell) -> str:
    value = cell.warm.percentiles[0.5] if cell.warm else None
    return tables.NO_NUMBER if value is None else f"{tables.digits(value)} µs"


def everything(found: Summary) -> Iterator[str]:
    """For docs/benchmarks.md: all workloads, the conditions, the machine."""
    yield from _markdown(tables.headline(found))
    for workload in found.workloads:
        table = tables.by_condition(found, workload)
        if table:
            yield f"\n{workload}:\n"
            yield from _markdown(table)
    missing = tables.failures(found)
    if missing:
        yield ""
        yield from _markdown(missing)
    yield ""
    for term, text in report.facts(found):
        yield f"- {term}: {text}"
    for line in report.warnings(found):
        yield f"- **{line}**"
    yield "\nIt was made by\n"
    for command in found.facts["commands"]:
        yield f"    {command}"


def _markdown(table: tables.Table) -> Iterator[str]:
    yield "| " + " | ".join(table.headings) + " |"
    yield "|" + "---|" * len(table.headings)
    for row in table.rows:
        yield "| " + " | ".join(row) + " |"
    if table.note:
        yield f"\n{table.note}"


BLOCKS: dict[str, Callable[[Summary], Iterator[str]]] = {
    "headline": headline,
    "besides": besides,
    "everything": everything,
}


def filled(text: str, found: Summary) -> str:
    """``text`` with every block made anew."""
    for name, make in BLOCKS.items():
        begin, end = f"<!-- numbers: {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        body = "\n".join(make(found))
        text = pattern.sub(lambda _, b=begin, e=end, t=body: f"{b}\n{t}\n{e}", text)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--results", type=Path, default=REFERENCE, help="another run")
    args = parser.parse_args()
    found = summary.summarise(samples.load(args.results))
    different = []
    for name in FILES:
        before = (ROOT / name).read_text("utf-8")
        after = filled(before, found)
        if before != after:
            different.append(name)
            if not args.check:
                (ROOT / name).write_text(after, "utf-8")
    if args.check and different:
        print(f"not the numbers of {args.results.name}: {', '.join(different)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
