"""Which packages with compiled parts work in a static bootstrap, snapshotted and not.

    python benchmarks/compatibility.py --results compat.jsonl          # all 150, or what is missing
    python benchmarks/compatibility.py --only numpy,lxml --results …   # these, again
    python benchmarks/compatibility.py --arch arm64 --results arm64.jsonl
    python benchmarks/compatibility.py --results compat.jsonl --table docs/compatibility.md

The rule that chose them is in ``compatibility/README.md``, what each has to do in
``compatibility/cases``. Packages that agree are built together (``groups.toml``); where that fails
each is built alone. A line of JSON per package is written as soon as it is known, so that a run
goes on where the last one ended.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compat_build import WAYS, Built, ask, build, deferral
from compat_cases import Case, groups, load
from compat_table import table, write_table

# How a build's message begins that names the package which has no wheel.
WITHOUT_WHEEL = re.compile(r"error: (\S+) \S+ has compiled parts")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, required=True, help="JSON lines; appended to")
    parser.add_argument("--arch", default="x86_64", choices=("x86_64", "arm64"))
    parser.add_argument(
        "--only", default="", help="packages, by commas, in one build: known or not"
    )
    parser.add_argument("--groups", default="", help="of groups.toml, by commas: only these")
    parser.add_argument("--alone", action="store_true", help="one build for each package")
    parser.add_argument("--table", type=Path, help="write the table from --results and stop")
    parser.add_argument("--arm64", type=Path, help="with --table: the results of --arch arm64")
    return parser.parse_args()


def known(results: Path) -> dict[str, dict[str, Any]]:
    """The last result of each package."""
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return {found["package"]: found for found in map(json.loads, lines)}


def wanted(args: argparse.Namespace) -> list[Case]:
    cases = load()
    if args.only:
        names = set(args.only.split(","))
        return [case for case in cases if case.package in names]
    done = known(args.results)
    return [case for case in cases if case.package not in done]


def attempt(group: Sequence[Case], arch: str) -> list[dict[str, Any]]:
    """The results of a group: of one build, or of one for each where that could not be made."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="compatibility-") as name:
        built = build(group, Path(name), arch)
        if built.problem and len(group) > 1:
            print(f"  together: {built.problem.splitlines()[0]}", flush=True)
            return [found for part in parted(group, built.problem) for found in attempt(part, arch)]
        answers = {way: ask(built, group, way) for way in WAYS} if not built.problem else {}
        seconds = round(time.monotonic() - begun, 1)
        return [result(case, arch, built, answers, seconds, len(group)) for case in group]


def parted(group: Sequence[Case], problem: str) -> list[tuple[Case, ...]]:
    """Without the package that the build complains of; each alone where it names none of them."""
    named = WITHOUT_WHEEL.match(problem)
    rest = tuple(case for case in group if not named or case.package != named[1])
    one = tuple(case for case in group if case not in rest)
    return [rest, one] if one else [(case,) for case in group]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def result(
    case: Case, arch: str, built: Built, answers: dict[str, Any], seconds: float, size: int
) -> dict[str, Any]:
    packages = {canonical(found["name"]): found for found in built.report.get("packages", [])}
    package = packages.get(case.package, {})
    return {
        "package": case.package,
        "rank": case.rank,
        "verdict": case.verdict,
        "arch": arch,
        "version": package.get("version", ""),
        "wheel": package.get("wheel", ""),
        "compiled": package.get("compiled", 0),
        "without": package.get("without", []),
        "problem": built.problem,
        "deferred": deferral(built.report, case.module) if built.report else "",
        "heap": built.report.get("snapshot", {}).get("heap", 0),
        **{way: found[case.package] for way, found in answers.items()},
        "together": size,
        "seconds": seconds,
    }


def line(found: dict[str, Any]) -> str:
    """A result on the terminal."""
    if found["problem"]:
        return f"  {found['package']:34} not built: {found['problem'].splitlines()[0]}"
    cells = []
    for way in WAYS:
        answer = found[way]
        cells.append(f"{way} " + ("works" if answer["works"] else answer["error"].strip()[-200:]))
    return f"  {found['package']:34} {found['version']:12} {'; '.join(cells)}  {found['deferred']}"


def main() -> None:
    args = parse()
    if args.table:
        arm64 = known(args.arm64) if args.arm64 else {}
        write_table(args.table, table(load(), known(args.results), arm64))
        return
    cases = wanted(args)
    together = (
        [(case,) for case in cases] if args.alone or args.only else groups(cases, args.groups)
    )
    for group in together:
        print(", ".join(case.package for case in group), flush=True)
        for found in attempt(group, args.arch):
            print(line(found), flush=True)
            with args.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
