"""Tries the cases on an ordinary CPython, where their packages are installed from ordinary wheels.

    uv venv -p 3.13 stock && uv pip install --python stock/bin/python numpy lxml
    stock/bin/python benchmarks/compatibility/stock.py numpy lxml     # none named: all

A case that is wrong here says nothing about the static program. Each runs in a process of its own.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def one(name: str) -> int:
    sys.path.insert(0, str(HERE))
    case = importlib.import_module(f"cases.{name}")
    got, expected = (json.loads(json.dumps(value)) for value in (case.use(), case.EXPECTED))
    if got == expected:
        return 0
    print(f"got {got!r}, not {expected!r}", file=sys.stderr)
    return 1


def main(names: list[str]) -> int:
    found = names or sorted(path.stem for path in (HERE / "cases").glob("*.py"))
    failed = 0
    for name in (name.replace("-", "_") for name in found):
        command = [sys.executable, __file__, "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        failed += bool(done.returncode)
        last = done.stderr.strip().splitlines()[-1:] if done.returncode else ["ok"]
        print(f"{name:34} {''.join(last)}", flush=True)
    print(f"{len(found) - failed} passed, {failed} failed")
    return bool(failed)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(one(arguments[1]) if arguments[:1] == ["--one"] else main(arguments))
