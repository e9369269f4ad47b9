"""What ``compatibility.py`` tries: the packages that the rule chose, each with its case."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent / "compatibility"
CHOSEN = ("code", "requires")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One package: ``rank`` by downloads, ``verdict`` why it was chosen, ``requires`` its lines."""

    package: str
    rank: int
    verdict: str
    source: Path
    requires: tuple[str, ...]

    @property
    def module(self) -> str:
        return self.source.stem


def load() -> list[Case]:
    """Every package that the rule has chosen, the most downloaded first."""
    rows = (HERE / "ranking.tsv").read_text(encoding="utf-8").splitlines()[1:]
    cells = [[*row.split("\t"), ""][:3] for row in rows]
    return [_case(name, int(rank), verdict) for rank, name, verdict in cells if verdict in CHOSEN]


def _case(name: str, rank: int, verdict: str) -> Case:
    source = HERE / "cases" / f"{name.replace('-', '_')}.py"
    return Case(
        package=name,
        rank=rank,
        verdict=verdict,
        source=source,
        requires=(name, *_constant(source, "REQUIRES", ())),
    )


def _constant(source: Path, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """What a case assigns to ``name``, without running it: its package may not be here."""
    for node in ast.parse(source.read_bytes()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return tuple(ast.literal_eval(node.value))
    return default


def groups(cases: list[Case], only: str = "") -> list[tuple[Case, ...]]:
    """``cases`` as they are built together, singles last; or the groups that ``only`` names."""
    listed = tomllib.loads((HERE / "groups.toml").read_text(encoding="utf-8"))
    by_name = {case.package: case for case in cases}
    found = [
        tuple(by_name.pop(name) for name in names if name in by_name) for names in listed.values()
    ]
    if only:
        found = [
            group for name, group in zip(listed, found, strict=True) if name in only.split(",")
        ]
        by_name = {}
    return [group for group in found if group] + [(case,) for case in by_name.values()]
