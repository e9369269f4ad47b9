#!/usr/bin/env python3
"""Run CPython's own test suite in an interpreter, file by file, and compare with a stock build.

    run.py run PYTHON RESULTS.json --tests LIB/TEST     # hours on a busy machine; can be resumed
    run.py check RESULTS.json                           # against stock.json and expected.toml

Every file gets a process of its own (`python -m test -w FILE`, resources such as the network off),
so a crash or a hang costs one file; results are kept after each. See docs/pack.md.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from results import Outcome, Results, expected, parse
from tree import prepare, unpack_tests

STOCK = Path(__file__).with_name("stock.json")
ENOUGH = 0.97  # of the files that pass in a stock build
ABOUT = """
import importlib.util, json, platform, sysconfig
print(json.dumps({
    "version": platform.python_version(),
    "compiler": platform.python_compiler().strip(),
    "platform": sysconfig.get_config_var("MULTIARCH") or sysconfig.get_platform(),
    "test_modules": importlib.util.find_spec("_testcapi") is not None,
}))
"""


def main() -> int:
    options = _arguments().parse_args()
    status: int = options.command(options)
    return status


def run(options: argparse.Namespace) -> int:
    """Run every chosen file that RESULTS does not have yet."""
    with tempfile.TemporaryDirectory(prefix="cpython-tests-") as scratch:
        work = options.work or Path(scratch)
        tests = options.tests
        if options.archive:
            tests = unpack_tests(options.archive, work / "source")
        python = options.python.absolute()
        if tests:
            python = prepare(python, tests, work / "tree", qemu=options.qemu).python
        return _run(options, python.absolute(), work)


def _run(options: argparse.Namespace, python: Path, work: Path) -> int:
    env = _environment(work)
    logs = options.logs or work / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    about = json.loads(_output([python, "-c", ABOUT], env))
    results = Results(python=about)
    if options.results.exists():
        results = Results.load(options.results)
    names = _output([python, "-m", "test", "--list-tests"], env).split()
    names = _chosen(names, options, results)
    lock = threading.Lock()

    def one(name: str) -> None:
        outcome = run_file(python, name, logs / f"{name}.log", env, options.timeout)
        with lock:
            results.files[name] = outcome
            results.save(options.results)
            done = len(results.files)
            print(f"[{done}] {name}: {outcome.state} {outcome.seconds:.0f} s {outcome.reason}")
            sys.stdout.flush()

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, names))
    return 0


def _chosen(names: list[str], options: argparse.Namespace, results: Results) -> list[str]:
    def place(name: str, patterns: list[str]) -> int:
        short = name.removeprefix("test.")
        return next((i for i, one in enumerate(patterns) if fnmatch.fnmatch(short, one)), -1)

    unknown = [p for p in options.files if all(place(name, [p]) < 0 for name in names)]
    if unknown:
        sys.exit(f"no test file is called {' or '.join(unknown)}")
    if options.files:
        names = [name for name in names if place(name, options.files) >= 0]
        names.sort(key=lambda name: place(name, options.files))
    names = [name for name in names if place(name, options.exclude) < 0]
    return [name for name in names if options.again or name not in results.files]


def run_file(python: Path, name: str, log: Path, env: dict[str, str], timeout: float) -> Outcome:
    """One test file in a process group of its own; ``timeout`` seconds, twice that with repeats."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cpython-test-") as scratch, log.open("wb") as out:
        process = subprocess.Popen(
            [python, "-m", "test", "-w", f"--timeout={timeout}", f"--tempdir={scratch}", name],
            env={**env, "TMPDIR": scratch},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status: int | None
        try:
            status = process.wait(2 * timeout)
        except subprocess.TimeoutExpired:
            status = None
        # Also what a crashed test left behind.
        _kill_group(process.pid)
        process.wait()
    output = log.read_text(encoding="utf-8", errors="replace")
    return parse(name, output, status, time.monotonic() - started)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _environment(work: Path) -> dict[str, str]:
    """The same for every interpreter: nothing of the caller's settings."""
    home = work / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LANG": "C.UTF-8"}


def _output(command: list[str | Path], env: dict[str, str]) -> str:
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def check(options: argparse.Namespace) -> int:
    """What passes in a stock build passes here, but for what expected.toml lists; that fails."""
    stock, here = Results.load(options.stock), Results.load(options.results)
    known = expected(test_modules=bool(here.python["test_modules"]))
    good = {name for name, outcome in stock.files.items() if outcome.passed}
    wrong = 0
    for name, outcome in sorted(here.files.items()):
        entry = known.get(name)
        lost = not outcome.passed and name in good
        if outcome.passed and entry:
            wrong += 1
            print(f"{name} passes; take it out of expected.toml")
        elif lost and entry and entry.explains(outcome):
            print(f"{name}: {outcome.state}, as expected ({entry.group})")
        elif lost:
            wrong += 1
            print(f"{name}: {outcome.state} {outcome.reason}, which expected.toml does not explain")
            print("".join(f"    {test}\n" for test in outcome.broken), end="")
    if options.counts:
        _fewer(stock, here, sorted(good))
    passed = sum(here.files[name].passed for name in good & here.files.keys())
    share = passed / len(good)
    print(f"stock: {len(good)} of {len(stock.files)} files pass")
    print(f"here:  {passed} of those, {share:.1%} ({len(good - here.files.keys())} not run)")
    print(f"{wrong} not as expected")
    return 1 if wrong or (options.whole and share < ENOUGH) else 0


def _fewer(stock: Results, pack: Results, names: list[str]) -> None:
    """Files that pass with fewer tests than in the stock build: a pass can hide skipped tests."""
    for name in names:
        if name in pack.files and pack.files[name].passed:
            before, now = stock.files[name], pack.files[name]
            effective, was = now.run - now.skipped, before.run - before.skipped
            if effective < was:
                print(f"  {name}: {effective} tests instead of {was}")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=re.split(r"\n\n", __doc__ or "")[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", help=run.__doc__)
    one.set_defaults(command=run)
    one.add_argument("python", type=Path, help="bin/python3.x of an installation")
    one.add_argument("results", type=Path, help="JSON; an existing file is continued")
    where = one.add_mutually_exclusive_group()
    where.add_argument("--tests", type=Path, help="Lib/test, when PYTHON comes without it")
    where.add_argument("--archive", type=Path, help="CPython's source archive, to take it from")
    one.add_argument("--files", nargs="+", default=[], metavar="PATTERN", help="default: all")
    one.add_argument("--exclude", nargs="+", default=[], metavar="PATTERN")
    one.add_argument("--again", action="store_true", help="also files that have a result")
    one.add_argument("--jobs", type=int, default=2)
    one.add_argument("--timeout", type=float, default=300, help="seconds for one file")
    one.add_argument("--work", type=Path, help="folder to keep (tree, logs); default: temporary")
    one.add_argument("--logs", type=Path, help="folder for the output of every file")
    one.add_argument("--qemu", default="", help="command to run PYTHON with, for another machine")
    other = commands.add_parser("check", help=check.__doc__)
    other.set_defaults(command=check)
    other.add_argument("results", type=Path)
    other.add_argument("--stock", type=Path, default=STOCK, help=f"default: {STOCK.name}")
    other.add_argument("--counts", action="store_true", help="also files with fewer tests run")
    other.add_argument("--whole", action="store_true", help=f"{ENOUGH:.0%} must pass")
    return parser


if __name__ == "__main__":
    sys.exit(main())
