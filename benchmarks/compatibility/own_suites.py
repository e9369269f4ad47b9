"""Packages' own test suites in the static Python, compared with an ordinary one test by test.

    python benchmarks/compatibility/own_suites.py --stock python3.13 --static PACK/bin/python3.13

numpy's wheel ships its tests; those of the others come from the source distribution of the same
version, which uv unpacks. Both interpreters get the same versions, as glibc or as musllinux wheels,
and run the same command. What counts is the outcome of each test: one that ends differently is
listed, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

UV = ("uv", "pip", "install", "--quiet", "--python-version", "3.13")
PLATFORMS = {"stock": "x86_64-manylinux_2_28", "static": "x86_64-unknown-linux-musl"}
# Not sped up by a cache of bytecode or plugins; no order, no colours.
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", "--tb=no")
SHOWN = 20  # differences; all outcomes are kept below --work
# What differs from run to run in the names of parametrised tests: addresses and UUIDs.
ACCIDENT = re.compile(r"0x[0-9a-f]{6,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Suite:
    """``needs``: what its tests import besides; ``tests``: their folder in the source package,
    "" where the wheel has them; ``inside``: they belong into the installed package."""

    needs: tuple[str, ...]
    tests: str = ""
    inside: str = ""
    options: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # below ``tests``, or the installed package
    known: Mapping[str, str] = field(default_factory=dict)  # what ends differently, and why


SUITES = {
    "orjson": Suite(needs=("numpy", "psutil", "pytz", "faker", "pendulum"), tests="test"),
    "msgspec": Suite(
        needs=("attrs", "msgpack", "pyyaml", "tomli-w", "tomli", "typing-extensions"),
        tests="tests/unit",
    ),
    "pydantic-core": Suite(
        needs=(
            *("hypothesis", "dirty-equals", "inline-snapshot", "pytest-mock", "pytest-timeout"),
            *("tzdata", "typing-inspection", "pytest-run-parallel"),
        ),
        tests="tests",
        left_out=("benchmarks", "test_docstrings.py"),  # they want what is not on the index
    ),
    "lxml": Suite(
        needs=("cssselect", "html5lib"),
        tests="src/lxml/tests",
        inside="lxml/tests",
        known={
            "lxml.tests.test_external_document.ExternalDocumentTestCase"
            "::test_external_document_adoption": "it loads the system's libxml2.so.2 with ctypes"
        },
    ),
    # numpy.test("fast"): the label leaves out what is marked as slow.
    "numpy": Suite(
        needs=("hypothesis",),
        inside="numpy",
        left_out=("f2py", "distutils"),  # they want a Fortran compiler
        options=("--pyargs", "numpy", "-m", "not slow"),
        known={
            "numpy._core.tests.test_multiarray.TestIO"
            f"::test_fromfile_failed_fdopen_closes_dup[{kind}]": "musl's fdopen takes any number"
            for kind in ("string", "path_obj")
        },
    ),
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stock", required=True, help="a CPython 3.13")
    parser.add_argument("--static", required=True, help="the python3.13 of a pack")
    parser.add_argument("--only", default=",".join(SUITES))
    parser.add_argument("--select", default="", help="pytest's -k")
    parser.add_argument("--work", type=Path, help="keep what is installed and measured here")
    return parser.parse_args()


def install(name: str, suite: Suite, which: str, folder: Path, version: str = "") -> str:
    """Install the package and what its tests need as wheels; return its version."""
    pinned = f"{name}=={version}" if version else name
    subprocess.run(
        [*UV, "--only-binary", ":all:", "--python-platform", PLATFORMS[which], "--target", folder,
         pinned, "pytest", *suite.needs],
        check=True,
    )  # fmt: skip
    found = next(folder.glob(f"{name.replace('-', '_')}-*.dist-info"))
    return found.name.removesuffix(".dist-info").rpartition("-")[2]


def sources(name: str, version: str, folder: Path) -> Path:
    """Where uv unpacks the source distribution before it tries to build it; that it cannot, without
    compilers on its PATH, does not matter."""
    environ = {**os.environ, "UV_CACHE_DIR": str(folder), "PATH": "", "CC": "none"}
    uv = shutil.which("uv") or "uv"
    subprocess.run(
        [uv, *UV[1:], "--python", sys.executable, "--no-deps", "--no-binary", name,
         "--target", folder / "unused", f"{name}=={version}"],
        env=environ, capture_output=True, check=False,
    )  # fmt: skip
    found = list(folder.glob(f"sdists-*/pypi/{name}/{version}/*/src"))
    if not found:
        raise SystemExit(f"{name} {version} has no source distribution, or uv keeps it elsewhere")
    return found[0]


def outcomes(
    python: str, suite: Suite, site: Path, tests: Path | None, select: str
) -> dict[str, str]:
    """How each test ended."""
    report = site.with_suffix(".xml")
    report.unlink(missing_ok=True)
    chosen = [*suite.options, *(["-k", select] if select else [])]
    below = tests or site / suite.inside
    chosen += [f"--ignore={below}/{path}" for path in suite.left_out]
    with tempfile.TemporaryDirectory() as cwd:
        done = subprocess.run(
            [python, *PYTEST, *chosen, f"--junitxml={report}", *([tests] if tests else [])],
            cwd=cwd, capture_output=True, text=True, check=False,
            env={
                **os.environ,
                "PYTHONPATH": str(site),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "0",  # sets are part of the names of some tests
            },
        )  # fmt: skip
    site.with_suffix(".log").write_text(done.stdout + done.stderr, encoding="utf-8")
    if not report.exists():
        raise SystemExit(
            f"{python}: no report, exit status {done.returncode}: {done.stderr[-2000:]}"
        )
    found = ET.parse(report).getroot().iter("testcase")
    return {_name(case).rpartition(f"{site.name}.")[2]: _ended(case) for case in found}


def _name(case: ET.Element) -> str:
    return ACCIDENT.sub("…", f"{case.get('classname')}::{case.get('name')}")


def _ended(case: ET.Element) -> str:
    kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    return kinds[0] if kinds else "passed"


def compare(name: str, args: argparse.Namespace, work: Path) -> int:
    suite = SUITES[name]
    sites = {which: work / f"{name}-{which}" for which in PLATFORMS}
    version = install(name, suite, "static", sites["static"])
    install(name, suite, "stock", sites["stock"], version)
    unpacked = sources(name, version, work / "sources") / suite.tests if suite.tests else None
    found = {}
    for which, site in sites.items():
        tests = unpacked
        if suite.inside and unpacked:
            tests = Path(shutil.copytree(unpacked, site / suite.inside, dirs_exist_ok=True))
        python = getattr(args, which)
        found[which] = outcomes(python, suite, site, tests, args.select)
    (work / f"{name}.json").write_text(json.dumps(found, indent=1))
    stock, static = found["stock"], found["static"]
    different = {
        test: (stock.get(test, "missing"), static.get(test, "missing"))
        for test in sorted({*stock, *static})
        if stock.get(test) != static.get(test) and test not in suite.known
    }
    counts = [f"{which} {_counts(found[which])}" for which in PLATFORMS]
    print(f"{name} {version}: {'; '.join(counts)}; {len(different)} different", flush=True)
    for test, why in suite.known.items():
        print(f"  {test}: {stock.get(test)} and {static.get(test)}: {why}")
    for test, (before, after) in list(different.items())[:SHOWN]:
        print(f"  {test}: {before} on the stock Python, {after} in the static one")
    return len(different)


def _counts(found: dict[str, str]) -> str:
    kinds = sorted(set(found.values()))
    return ", ".join(f"{sum(value == kind for value in found.values())} {kind}" for kind in kinds)


def main() -> int:
    args = parse()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        work.mkdir(exist_ok=True)
        different = [compare(name, args, work) for name in args.only.split(",")]
        return int(any(different))


if __name__ == "__main__":
    sys.exit(main())
