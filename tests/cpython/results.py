"""What a run of CPython's test files gave: read from regrtest's output, kept as JSON, compared."""

from __future__ import annotations

import fnmatch
import json
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXPECTED = Path(__file__).with_name("expected.toml")
# "env changed" is a pass for `python -m test` too, unless --fail-env-changed is given.
PASSED = ("passed", "env changed")
# The words of regrtest's progress lines, most specific first.
STATES = (
    *("skipped (resource denied)", "skipped", "passed", "failed (env changed)", "failed"),
    *("timed out", "crashed", "run no tests", "interrupted", "uncaught exception"),
)
OURS = {
    "skipped (resource denied)": "denied",
    "failed (env changed)": "env changed",
    "uncaught exception": "failed",
    "run no tests": "empty",
    "timed out": "timeout",
}
PROGRESS = re.compile(r"^\d+:\d\d:\d\d.*?\[ *\d+/\d+(?:/\d+)?\] (\S+) (.+)$", re.MULTILINE)
TOTALS = re.compile(r"^Total tests: run=([\d,]+)(?:.*? skipped=([\d,]+))?", re.MULTILINE)
BROKEN = re.compile(r"^(?:ERROR|FAIL): (\S+)(?: \((\S+)\))?", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One test file. ``run`` and ``skipped`` count its tests, ``broken`` names those that failed.

    A file whose broken tests passed when repeated is "passed" and ``repeated``.
    """

    state: str
    seconds: float
    run: int = 0
    skipped: int = 0
    repeated: bool = False
    reason: str = ""
    broken: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.state in PASSED


@dataclass(kw_only=True)
class Results:
    """All outcomes of one interpreter, and what it was."""

    python: dict[str, str | bool]
    files: dict[str, Outcome] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Atomically: it is called after every file, and a run may be interrupted."""
        rows = {name: _short(asdict(self.files[name])) for name in sorted(self.files)}
        lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
        body = ",\n".join(lines)
        text = f'{{"python": {json.dumps(self.python)},\n"files": {{\n{body}\n}}}}\n'
        scratch = path.with_suffix(".tmp")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Results:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        files = {
            name: Outcome(**{**row, "broken": tuple(row.get("broken", ()))})
            for name, row in data["files"].items()
        }
        return cls(python=data["python"], files=files)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value or key in ("state", "seconds")}


def parse(name: str, output: str, status: int | None, seconds: float) -> Outcome:
    """The outcome of ``python -m test -w NAME``; ``status`` None means that we had to kill it."""
    broken = sorted({place or test for test, place in BROKEN.findall(output)})
    totals = TOTALS.findall(output)
    run, skipped = (int((part or "0").replace(",", "")) for part in (totals or [("0", "0")])[0])
    said = [words for found, words in PROGRESS.findall(output) if found == name]
    first = next((state for words in said for state in STATES if words.startswith(state)), "")
    state = OURS.get(first, first)
    repeated = False
    if status is None or ("Timeout (" in output and not totals):
        state = "timeout"
    elif status < 0 or not totals:
        state = "crashed"
    elif state == "failed" and status == 0:
        state, repeated = "passed", True
    reasons = re.findall(rf"^{re.escape(name)} skipped -- (.+)$", output, re.MULTILINE)
    reason = reasons[0] if reasons else (f"exit status {status}" if state == "crashed" else "")
    return Outcome(
        state=state,
        seconds=round(seconds, 1),
        run=run,
        skipped=skipped,
        repeated=repeated,
        reason=reason,
        broken=tuple(broken),
    )


@dataclass(frozen=True, kw_only=True)
class Known:
    """Why a file does not pass in the pack's Python. ``tests`` are patterns for the names of those
    that fail; without any, the file as a whole cannot run."""

    group: str
    why: str
    tests: tuple[str, ...] = ()

    def explains(self, outcome: Outcome) -> bool:
        if not self.tests:
            return outcome.state in ("skipped", "failed", "crashed", "timeout", "empty")
        return outcome.state == "failed" and all(
            any(fnmatch.fnmatchcase(test, pattern) for pattern in self.tests)
            for test in outcome.broken
        )


def expected(*, test_modules: bool, path: Path = EXPECTED) -> dict[str, Known]:
    """expected.toml by test file; without the test modules some tests are skipped that fail."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    known: dict[str, Known] = {}
    for group in data["group"]:
        for name, entry in group["files"].items():
            assert name not in known, f"{name} stands in two groups"
            if test_modules or not entry.get("only_with_test_modules"):
                tests = tuple(entry.get("tests", ()))
                known[name] = Known(group=group["name"], why=entry["why"], tests=tests)
    return known
