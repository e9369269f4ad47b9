"""The table of ``docs/compatibility.md``, from the results of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compat_cases import HERE, Case, tomllib

Result = Mapping[str, Any]
BEGIN, END = "<!-- results: benchmarks/compatibility.py -->", "<!-- end of results -->"
HEAD = "| package | rank | version | wheel | imports | works | snapshot | arm64 | notes |"
RULE = "|---|---|---|---|---|---|---|---|---|"


def works(found: Result, way: str = "normally") -> bool:
    """Did the case answer rightly, and from its snapshot where it should?"""
    answer = found.get(way, {})
    return bool(answer.get("works")) and not answer.get("fell_back")


def fine(found: Result) -> bool:
    return not found["problem"] and works(found) and works(found, "snapshot")


def snapshot(found: Result) -> str:
    if not found or found["problem"]:
        return "–"
    if not works(found, "snapshot"):
        return "fails"
    return (
        f"deferred: {escaped(found['deferred'])}" if found["deferred"] else "initialised at build"
    )


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def wheel(found: Result) -> str:
    """The last part of the tag, which tells the libc; "pure" for one without."""
    tag = found.get("wheel", "")
    if not tag:
        return "–"
    return "pure" if tag.endswith("-any") else f"`{tag}`"


def yes(value: object) -> str:
    return "yes" if value else "**no**"


def row(case: Case, found: Result, arm64: Result, note: str) -> str:
    if not found:
        return f"| {case.package} | {case.rank} | not tried | | | | | | |"
    other = ("yes" if fine(arm64) else "**no**") if arm64 else ""
    cells = [
        *(case.package, str(case.rank), found["version"] or "–", wheel(found)),
        yes(found.get("normally", {}).get("imports")),
        *(yes(works(found)), snapshot(found), other, note),
    ]
    return f"| {' | '.join(cells)} |"


def summary(cases: list[Case], found: Mapping[str, Result], arm64: Mapping[str, Result]) -> str:
    """The numbers above the table."""
    results = [found[case.package] for case in cases if case.package in found]
    good = [result for result in results if fine(result)]
    unbuilt = [result for result in results if result["problem"]]
    built = [result for result in results if not result["problem"]]
    image = [result for result in good if not result["deferred"]]
    share = len(good) / len(cases)
    possible = len(good) / max(len(built), 1)
    deferred = len(good) - len(image)
    lines = [
        f"- {len(good)} of {len(cases)} import and work, snapshotted and not ({share:.1%}).",
        f"- {len(unbuilt)} could not be built: the notes say why.",
        f"- Of the {len(built)} that could be built, {len(good)} work ({possible:.1%}).",
        f"- {len(image)} of those are initialised at build time, {deferred} at start.",
    ]
    if arm64:
        right = sum(map(fine, arm64.values()))
        lines.append(f"- arm64 under qemu-user (neoverse-n1): {right} of {len(arm64)} tried.")
    return "\n".join(lines)


def table(cases: list[Case], found: Mapping[str, Result], arm64: Mapping[str, Result]) -> str:
    notes = tomllib.loads((HERE / "notes.toml").read_text(encoding="utf-8"))
    rows = [
        row(
            case,
            found.get(case.package, {}),
            arm64.get(case.package, {}),
            notes.get(case.package, ""),
        )
        for case in cases
    ]
    return "\n".join([summary(cases, found, arm64), "", HEAD, RULE, *rows])


def write_table(path: Path, text: str) -> None:
    """Put ``text`` between the two marks of ``path``; the rest is written by hand."""
    old = path.read_text(encoding="utf-8")
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")
