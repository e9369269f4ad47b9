"""The folder of a run: samples.jsonl, appended as they come, and environment.json.

A line of samples.jsonl is one of
    {"workload", "condition", "contender", "round", "at", …measures of timer.c}
    {"workload", "condition", "contender", "at", "failed", "detail"}   condition "": in all of them
    {"probe": number, "at", …}      a start of the C echo before, between or after the cells
    {"load", "steal", "workload", "condition", "at"}   the machine while these cells were measured
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from build_scripts import cache
from native_bootstrap.errors import UsageError

SAMPLES = "samples.jsonl"
ENVIRONMENT = "environment.json"
FREE = ("runs", "conditions")  # of a plan: more of these may be asked for later
Row = dict[str, Any]


@dataclass
class Store:
    """Samples and facts of one run."""

    folder: Path
    rows: list[Row] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def append(self, rows: Iterable[Row]) -> None:
        new = list(rows)
        self.rows += new
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in new)
        with (
            cache.translate_os_errors(self.folder),
            (self.folder / SAMPLES).open("a", encoding="utf-8") as file,
        ):
            file.write(text)

    def save_facts(self) -> None:
        """The file appears complete or not at all."""
        with cache.translate_os_errors(self.folder):
            partial = self.folder / f".{ENVIRONMENT}.partial"
            partial.write_text(json.dumps(self.facts, indent=1, ensure_ascii=False) + "\n", "utf-8")
            partial.replace(self.folder / ENVIRONMENT)


def load(folder: Path) -> Store:
    """What a run has left; UsageError where there is none."""
    try:
        facts = json.loads((folder / ENVIRONMENT).read_text("utf-8"))
        text = (folder / SAMPLES).read_text("utf-8")
    except FileNotFoundError as error:
        raise UsageError(
            f"no benchmark run in {folder}: {Path(str(error.filename)).name} is missing",
            hint="give the folder that build-native bench wrote with --output",
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the benchmark run in {folder}: {error}") from error
    return Store(folder=folder, rows=_whole(text, folder), facts=facts)


def _whole(text: str, folder: Path) -> list[Row]:
    """A run that was killed may have left half a line at the end: what ends no line is left out."""
    lines = text[: text.rfind("\n") + 1].splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise UsageError(f"{folder / SAMPLES}: not JSON: {error}") from error


def begin(folder: Path, plan: Mapping[str, Any]) -> Store:
    """A new run in ``folder``, or the one that was begun there with the same plan.

    More runs or workloads than last time are fine: what is there counts. UsageError for any other
    plan.
    """
    with cache.translate_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ENVIRONMENT).exists():
        if any(folder.iterdir()):
            raise UsageError(
                f"{folder} is not empty and holds no benchmark run",
                hint="choose another folder with --output",
            )
        return Store(folder=folder, facts={"plan": dict(plan)})
    if not (folder / SAMPLES).exists():
        (folder / SAMPLES).touch()
    store = load(folder)
    _cut_half_line(folder / SAMPLES)
    before = dict(store.facts.get("plan", {}))
    if plan["seed"] is None:
        plan = {**plan, "seed": before.get("seed")}
    different = [n for n in plan if n not in FREE and before.get(n) != plan[n]]
    measured, wanted = before.get("conditions", {}), plan["conditions"]
    if any(measured[name] != wanted[name] for name in measured.keys() & wanted.keys()):
        different.append("conditions")
    plan = {**plan, "conditions": {**measured, **wanted}}
    if different:
        raise UsageError(
            f"{folder} has a run with another plan ({', '.join(different)} differ)",
            hint="choose another folder with --output, or repeat the command that began it",
        )
    store.facts["plan"] = dict(plan)
    return store


def _cut_half_line(file: Path) -> None:
    data = file.read_bytes()
    if data and not data.endswith(b"\n"):
        file.write_bytes(data[: data.rfind(b"\n") + 1])
