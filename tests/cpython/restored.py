#!/usr/bin/env python3
"""Run CPython's own tests inside a process that was restored from its image, and in a fresh one.

    restored.py RESULTS.json [--files test_ssl …]     # can be resumed

One program is built (function/app.py): its handler runs a test file and answers how each test
ended. It is started twice for each file, with its image and without. Every test must end in the
same way; the tests of a file that crashes or hangs count as lost. Needs a mount namespace.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tree import Tree, prepare, unpack_tests

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "integration")]

import lambda_like  # noqa: E402 - of the integration tests

from build_scripts import pack, targets  # noqa: E402
from build_scripts.log import Log  # noqa: E402
from build_scripts.pack import sources  # noqa: E402

FUNCTION = Path(__file__).with_name("function")
FILES = (
    *("test_ssl", "test_socket", "test_threading", "test_asyncio", "test_subprocess"),
    *("test_sqlite3", "test_json", "test_datetime", "test_random", "test_uuid", "test_tempfile"),
    *("test_signal", "test_zoneinfo", "test_os", "test_locale", "test_decimal", "test_ctypes"),
    *("test_multiprocessing_fork", "test_concurrent_futures", "test_logging"),
)
GOOD = ("passed", "failed as expected")
LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class Places:
    """What a run needs."""

    task: Path
    tree: Tree
    logs: Path
    timeout: float


def main() -> int:
    options = _arguments().parse_args()
    found = json.loads(options.results.read_text()) if options.results.exists() else {}
    with tempfile.TemporaryDirectory(prefix="restored-") as scratch:
        places = _prepare(options, (options.work or Path(scratch)).absolute())
        for file in options.files:
            if file in found and not options.again:
                continue
            fresh = run_file(places, file, restored=False)
            found[file] = {"fresh": fresh, "restored": run_file(places, file, restored=True)}
            options.results.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return report({file: found[file] for file in options.files})


def _prepare(options: argparse.Namespace, work: Path) -> Places:
    made = pack.ensure(targets.host(), log=Log())
    archive = sources.folder() / sources.load()["python"].file
    tests = unpack_tests(archive, work / "source")
    output = work / "out"
    command = [Path(sys.executable).with_name("build-native"), "build", "app.handler"]
    arguments = ["--project", FUNCTION, "--output", output, "--snapshot", "full"]
    subprocess.run([*command, *arguments, "--code", options.code], check=True)
    task = work / "task"
    if not (task / "bootstrap").exists() or options.again:
        lambda_like.unpack(output, task)
    logs = options.logs or work / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    tree = prepare(made.python, tests, work / "tree")
    return Places(task=task, tree=tree, logs=logs, timeout=options.timeout)


def run_file(places: Places, file: str, *, restored: bool) -> dict[str, str]:
    """How each test of a file ended; {file: lost …} for a process without an answer."""
    how = "restored" if restored else "fresh"
    event = {
        "file": file,
        "python": str(places.tree.python),
        "library": str(places.tree.library),
    }
    started = time.monotonic()
    run = lambda_like.run(
        places.task,
        [event],
        environ={} if restored else lambda_like.NORMALLY,
        time_limit=places.timeout,
    )
    (places.logs / f"{file}-{how}.log").write_text(run.stdout + run.stderr)
    answer = run.replies[0].json if run.replies else {file: f"{LOST}: {run.exit_code}"}
    if restored and run.normal:
        answer = {file: f"{LOST}: {run.normal[0]}"}
    elif run.replies and run.replies[0].kind != "response":
        answer = {file: f"{LOST}: {answer.get('errorType')}: {answer.get('errorMessage')}"}
    passed = sum(outcome in GOOD for outcome in answer.values())
    seconds = time.monotonic() - started
    print(f"{file} {how}: {passed} of {len(answer)} passed in {seconds:.0f} s", flush=True)
    outcomes: dict[str, str] = answer
    return outcomes


def report(found: dict[str, dict[str, dict[str, str]]]) -> int:
    """The differences; 1 when a test that passes in a fresh process does not in a restored one."""
    lost = total = 0
    for file, each in found.items():
        fresh, restored = each["fresh"], each["restored"]
        good = [name for name, outcome in fresh.items() if outcome in GOOD]
        total += len(good)
        for name in sorted(fresh.keys() | restored.keys()):
            before, now = fresh.get(name, "-"), restored.get(name, "-")
            if before != now:
                lost += before in GOOD
                print(f"{file}: {name}: {before} in a fresh process, {now} in a restored one")
        if not good and fresh != {f"test.{file}": "skipped"}:
            lost += 1
            print(f"{file}: nothing passes in a fresh process: {fresh}")
    print(f"{total} tests pass in a fresh process, {lost} of them not in a restored one")
    return 1 if lost else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    parser.add_argument("results", type=Path, help="JSON; an existing file is continued")
    parser.add_argument("--files", nargs="+", default=FILES, metavar="FILE")
    parser.add_argument("--again", action="store_true", help="also files that have a result")
    parser.add_argument("--code", default="bytecode", help="as for build-native")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one file")
    parser.add_argument("--work", type=Path, help="folder to keep; default: temporary")
    parser.add_argument("--logs", type=Path, help="folder for the output of every file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
