"""REPORT lines of Lambda's log: what AWS itself measured of an invocation."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

_VALUE = re.compile(r"([A-Z][A-Za-z ]*?): ([\d.]+) (ms|MB)\b")
_STATUS = re.compile(r"Status: (\w+)")
_ERROR = re.compile(r"Error Type: ([\w.]+)")


@dataclass(frozen=True, kw_only=True)
class Report:
    """Times in ms, memory in MB. ``init``: None for a warm invocation; ``problem``: "" or what."""

    duration: float
    billed: float
    memory: int
    max_memory: float
    init: float | None = None
    problem: str = ""


def parse(line: str) -> Report | None:
    """None for a line of another kind, or one without the numbers that all reports have."""
    if not line.startswith("REPORT RequestId: "):
        return None
    values = {name: float(value) for name, value, _ in _VALUE.findall(line)}
    needed = ("Duration", "Billed Duration", "Memory Size", "Max Memory Used")
    if not all(name in values for name in needed):
        return None
    status, kind = _STATUS.search(line), _ERROR.search(line)
    return Report(
        duration=values["Duration"],
        billed=values["Billed Duration"],
        memory=int(values["Memory Size"]),
        max_memory=values["Max Memory Used"],
        # Under SnapStart and for managed instances the start has another name.
        init=values.get("Init Duration", values.get("Restore Duration")),
        problem=" ".join(found[1] for found in (status, kind) if found),
    )


def from_tail(encoded: str) -> Report | None:
    """The report in the last 4 KB of a log, as an invocation with LogType=Tail returns it."""
    text = base64.b64decode(encoded).decode("utf-8", "replace")
    found = [parse(line) for line in text.splitlines()]
    return next((report for report in reversed(found) if report), None)
