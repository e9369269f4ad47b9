"""report.md, report.html and the few lines that a terminal gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from build_scripts import cache
from build_scripts.bench import html, summary, tables

if TYPE_CHECKING:
    from pathlib import Path

    from build_scripts.bench.summary import Summary
    from build_scripts.bench.tables import Table


def write(found: Summary, folder: Path) -> None:
    """Both appear complete or not at all."""
    for name, text in (("report.md", markdown(found)), ("report.html", html.page(found))):
        with cache.translate_os_errors(folder):
            partial = folder / f".{name}.partial"
            partial.write_text(text, "utf-8")
            partial.replace(folder / name)


def headline(found: Summary) -> str:
    """For a terminal."""
    table = tables.headline(found)
    lines = [table.headings, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.headings))]
    first = widths[0]
    text = [
        line[0].ljust(first)
        + "".join(
            "  " + cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)
        )
        for line in lines
    ]
    missing = tables.failures(found)
    told = [f"no number: {', '.join(row[:2])}: {row[3]}" for row in missing.rows] if missing else []
    return "\n".join([*text, table.note, *told, *warnings(found)])


def warnings(found: Summary) -> list[str]:
    """What a reader has to know before the numbers."""
    lines = []
    if not found.is_complete:
        lines.append("This run was interrupted: what follows is what it had measured until then.")
    if found.noise > summary.BUSY:
        lines.append(
            f"The machine was busy with other things: the C echo took up to {found.noise:.1f} "
            "times as long as in the quietest moment."
        )
    if found.steal > 0.02:
        lines.append(f"The hypervisor took up to {found.steal:.0%} of the processors' time.")
    return lines


def markdown(found: Summary) -> str:
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: Summary) -> Iterator[str]:
    yield "# Cold starts, measured"
    for line in warnings(found):
        yield f"\n> **{line}**"
    yield ""
    yield from _table(tables.headline(found))
    missing = tables.failures(found)
    if missing:
        yield from _table(missing)
    for name, about in found.facts["contenders"].items():
        yield f"- **{name}**: {about}"
    for workload in found.workloads:
        yield f"\n## {workload}\n"
        yield f"{found.facts['about'].get(workload, '')}\n"
        yield from _table(tables.cold_starts(found, workload))
        by_condition = tables.by_condition(found, workload)
        if by_condition:
            yield from _table(by_condition)
        yield from _table(tables.running(found, workload))
    yield "## Cost\n"
    yield from _table(tables.costs(found))
    yield "## The machine\n"
    for term, text in facts(found):
        yield f"- {term}: {text}"
    yield "\n## Repeat it\n"
    for command in commands(found):
        yield f"    {command}"


def _table(table: Table) -> Iterator[str]:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    yield line(table.headings)
    yield "|" + "---|" * len(table.headings)
    yield from map(line, table.rows)
    yield ""
    if table.note:
        yield f"{table.note}\n"


def facts(found: Summary) -> Iterator[tuple[str, str]]:
    """The machine, the versions, the method: for both reports."""
    about, plan = found.facts["machine"], found.facts["plan"]
    yield (
        "machine",
        f"{about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, "
        + ("virtual" if about["virtual"] else "not virtual"),
    )
    yield "kernel", about["kernel"]
    yield "versions", ", ".join(f"{k} {v}" for k, v in found.facts["versions"].items())
    yield "begun", f"{found.facts['started']}, seed {plan['seed']}"
    yield "cold starts of a cell", f"{plan['runs']}, contenders in turns, shuffled by the seed"
    if found.probes:
        quiet = min(probe.cold.value for probe in found.probes)
        busy = max(probe.cold.value for probe in found.probes)
        text = (
            f"the C echo, {len(found.probes)} times before, between and after the cells: median "
            f"{tables.digits(quiet)} to {tables.digits(busy)} ms; load up to {found.load:.1f}, "
            f"up to {found.steal:.1%} of the time stolen"
        )
        yield "noise", text


def commands(found: Summary) -> list[str]:
    return ["pip install .", *found.facts["commands"]]
