"""Builds a function of some cases, starts it with and without its snapshot, and asks it."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compat_cases import HERE, Case

from native_bootstrap import invoke
from native_bootstrap.errors import FatalError

APP = """import function

{imports}

def handler(event, context):
    return {{name: function.answer(name) for name in event["cases"]}}
"""
IMPORT = """try:
    from cases import {module} as case_{module}
    function.CASES["{module}"] = case_{module}
except Exception:
    function.failed("{module}")
"""
WAYS = ("normally", "snapshot")
# The baseline of arm64 programs; qemu's default CPU has SME, and OpenBLAS is wrong with qemu's.
EMULATED = {"QEMU_CPU": "neoverse-n1"}
WITHOUT = "starting without the snapshot"


@dataclass(frozen=True, kw_only=True)
class Built:
    """``output``: the finished build; ``problem``: what the build said when there is none."""

    output: Path
    problem: str = ""
    report: dict[str, Any] = field(default_factory=dict)


def project(cases: Sequence[Case], folder: Path) -> Path:
    """Lay out the function of ``cases``."""
    (folder / "cases").mkdir(parents=True)
    for case in cases:
        shutil.copy(case.source, folder / "cases")
    shutil.copy(HERE / "function.py", folder)
    imports = "\n".join(IMPORT.format(module=case.module) for case in cases)
    (folder / "app.py").write_text(APP.format(imports=imports), encoding="utf-8")
    lines = sorted({line for case in cases for line in case.requires})
    (folder / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def build(cases: Sequence[Case], scratch: Path, arch: str, options: Sequence[str] = ()) -> Built:
    folder, output = project(cases, scratch / "project"), scratch / "out"
    command = [
        *(Path(sys.executable).with_name("build-native"), "build", "app.handler"),
        *("--project", folder, "--output", output, "--arch", arch, *options),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        text = done.stderr
        return Built(output=output, problem=text[max(text.rfind("error: "), 0) :].strip())
    return Built(output=output, report=json.loads((output / "report.json").read_text()))


def ask(built: Built, cases: Sequence[Case], way: str) -> dict[str, dict[str, Any]]:
    """What each case answers in one process; each in a process of its own where that one dies."""
    found = _ask(built, cases, way)
    if len(cases) > 1 and any("died" in answer for answer in found.values()):
        return {name: one for case in cases for name, one in _ask(built, [case], way).items()}
    return found


def _ask(built: Built, cases: Sequence[Case], way: str) -> dict[str, dict[str, Any]]:
    event = json.dumps({"cases": [case.module for case in cases]}).encode()
    given = {"NATIVE_BOOTSTRAP_SNAPSHOT": "off"} if way == "normally" else {}
    if built.report["arch"] != platform.machine():
        given |= EMULATED
    begun = time.monotonic()
    try:
        answer = invoke.invoke(built.output, event, given=given)
    except FatalError as error:
        problem = {"imports": False, "works": False, "died": True, "error": str(error)}
        return {case.package: problem for case in cases}
    seconds = round(time.monotonic() - begun, 2)
    if not answer.ok:
        problem = {"imports": False, "works": False, "died": True, "error": answer.body.decode()}
        return {case.package: problem for case in cases}
    said = json.loads(answer.body)
    without = WITHOUT in answer.log + answer.note and way == "snapshot"
    return {
        case.package: {**_judged(said[case.module]), "seconds": seconds, "fell_back": without}
        for case in cases
    }


def _judged(said: dict[str, Any]) -> dict[str, Any]:
    """A case's answer with the verdict: it works when it says what it should."""
    works = "error" not in said and said["got"] == said["expected"]
    kept = {name: said[name] for name in ("imports", "native", "error") if name in said}
    wrong = {} if works or "error" in said else {"error": f"wrong answer: {said['got']!r}"}
    return {**kept, **wrong, "works": works}


def deferral(report: dict[str, Any], module: str) -> str:
    """Why ``module`` is not in the image: the first cause of the chain; "" where it is in it."""
    snapshot = report.get("snapshot", {})
    reasons = {found["module"]: found["reason"] for found in snapshot.get("deferred", [])}
    name = f"cases.{module}"
    if name not in reasons:
        return "" if snapshot.get("level") == "full" else snapshot.get("reason", "no image")
    seen = {name}
    while reasons[name].startswith("imports "):
        cause = reasons[name].removeprefix("imports ").split()[0].rstrip(",")
        if cause in seen or cause not in reasons:
            break
        seen.add(cause)
        name = cause
    return f"{name}: {reasons[name]}"
