"""report.html: one file, nothing from elsewhere, light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts.bench import charts, report, tables
from build_scripts.bench.conditions import FULL

if TYPE_CHECKING:
    from build_scripts.bench.summary import Summary
    from build_scripts.bench.tables import Table

STYLE = (Path(__file__).parent / "page.css").read_text("utf-8")
PARTS = (
    '<span class="key" style="background:var(--init)"></span>exec → first /next (initialisation)'
    '<span class="key" style="background:var(--first)"></span>→ first answer (first request); '
    "whiskers: P10 to P90 of the sum"
)
LATENCIES = (
    '<span class="key" style="background:var(--band)"></span>P10 to P90, '
    '<span class="key" style="background:var(--mark);width:3px"></span>median (the number)'
    '<span class="key round" style="background:var(--first)"></span>P99'
    '<span class="key round hollow"></span>P99.9, where enough was measured'
)


def page(found: Summary) -> str:
    """The whole document."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Cold starts, measured</title><style>{STYLE}</style></head><body>",
            *_body(found),
            "</body></html>",
            "",
        )
    )


def _body(found: Summary) -> Iterator[str]:
    yield "<h1>Cold starts, measured</h1>"
    about = found.facts["machine"]
    on = f"{found.facts['started']} on {about['cpu']}"
    if not found.is_local:
        text = f"{on}. Init Duration and Duration of the first invocation, from REPORT lines."
    else:
        text = (
            f"{on}, {about['cores']} cores. From just before the exec of the process to its first "
            "answer, taken by a Runtime API in C. What a function pays before (download, the "
            "sandbox's own start) is not in here."
        )
    yield f'<p class="soft">{escape(text)}</p>'
    for line in report.warnings(found):
        yield f'<p class="warn">{escape(line)}</p>'
    yield from _table(tables.headline(found), highlight=True)
    missing = tables.failures(found)
    if missing:
        yield from _table(missing, kind="text")
    yield "<h2>Who takes part</h2><dl>"
    for name, text in found.facts["contenders"].items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
    yield "</dl>"
    for workload in found.workloads:
        yield from _workload(found, workload)
    yield "<h2>What cold starts cost</h2>"
    yield from _table(tables.costs(found))
    yield from _machine(found)


def _workload(found: Summary, workload: str) -> Iterator[str]:
    yield f"<h2>{escape(workload)}</h2><p>{escape(found.facts['about'].get(workload, ''))}</p>"
    plots = [
        (condition, charts.bars(found, workload, condition))
        for condition in found.workloads[workload]
    ]
    if any(svg for _, svg in plots):
        yield f'<p class="soft key-line">{PARTS}</p>'
    planned = found.facts["plan"]["runs"]
    yield '<div class="grid">'
    for condition, svg in plots:
        if svg:
            cells = [found.cell(workload, condition, name) for name in found.contenders]
            short = min((c.cold.n for c in cells if c.cold and c.is_short), default=0)
            few = f' <span class="note">{short} starts instead of {planned}</span>' if short else ""
            yield f"<figure><h3>{escape(_told(condition))}{few}</h3>{svg}</figure>"
    latencies, sizes = charts.warm(found, workload), charts.sizes(found, workload)
    if latencies:
        yield (
            f"<figure><h3>Warm invocations</h3>{latencies}"
            f"<figcaption>{LATENCIES}</figcaption></figure>"
        )
    if sizes:
        yield f"<figure><h3>Size against time</h3>{sizes}</figure>"
    yield "</div>"
    for name, why in found.skipped.items():
        if name[0] == workload:
            yield f'<p class="note">{escape(_told(name[1]))}: skipped: {escape(why)}</p>'
    yield from _table(tables.cold_starts(found, workload))
    yield from _table(tables.running(found, workload))


def _told(condition: str) -> str:
    if condition == FULL.name:
        return "All of the processors"
    if condition.startswith("cold"):
        return "Nothing in the page cache"
    return f"With the CPU of a {condition} function"


def _machine(found: Summary) -> Iterator[str]:
    yield "<h2>The machine</h2>"
    svg = charts.noise(found)
    if svg:
        yield (
            f'<figure class="wide"><h3>How quiet it was: the C echo between the cells</h3>{svg}'
            "<figcaption>Medians of ten starts with P10 to P90.</figcaption></figure>"
        )
    yield "<dl>"
    for term, text in report.facts(found):
        yield f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>"
    yield "</dl><h2>Repeat it</h2>"
    commands = "\n".join(report.commands(found))
    yield f"<pre>{escape(commands)}</pre>"
    yield (
        '<p class="soft">Every sample is in samples.jsonl beside this file; '
        "build-native bench --compare OLD NEW tells what changed.</p>"
    )


def _table(table: Table, *, kind: str = "", highlight: bool = False) -> Iterator[str]:
    if not table.rows:
        return
    yield f'<div class="scroll"><table class="{kind}"><thead><tr>'
    yield "".join(f"<th>{escape(text)}</th>" for text in table.headings)
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = (_ratio(text) if highlight else escape(text) for text in row)
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>'


def _ratio(text: str) -> str:
    """What stands in brackets on a line of its own."""
    time, bracket, rest = text.partition(" (")
    return (
        f"{escape(time)}<br><small>{escape(rest.rstrip(')'))}</small>" if bracket else escape(time)
    )
