"""A choice of CPython's own test files in the pack's Python; tests/cpython has the whole suite."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build_scripts import pack, targets
from build_scripts.log import Log
from build_scripts.pack import sources

TOOL = Path(__file__).parents[1] / "cpython" / "run.py"
# The longest first, so that two at a time end together: 60 s on two processors.
CHOSEN = (
    *("ssl", "subprocess", "threading", "weakref", "importlib", "decimal", "datetime", "gc"),
    *("email", "tempfile", "ctypes", "str", "codecs", "bz2", "time", "sqlite3", "array"),
    *("itertools", "math", "thread", "re", "collections", "unicodedata", "json", "long", "dict"),
    *("dataclasses", "functools", "descr", "struct", "zlib", "typing", "httplib", "urlparse"),
    *("cmath", "zoneinfo", "hashlib", "mmap", "locale", "lzma", "float", "hmac", "memoryview"),
)
# Under qemu a file takes ten times as long: what depends on the machine.
CHOSEN_EMULATED = ("ctypes", "math", "cmath", "float", "struct", "hashlib", "zlib", "threadsignals")
TIMEOUT = 600


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, TOOL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)


@pytest.mark.parametrize("arch", list(targets.TARGETS))
def test_chosen_files(arch, tmp_path):
    source = sources.load()["python"]
    archive = sources.folder() / source.file
    if not archive.is_file():
        pytest.skip(f"{source.file} is not in the cache: an imported pack comes without sources")
    target = targets.find(arch)
    chosen, emulator = CHOSEN, ""
    if target != targets.host():
        names = (f"qemu-{target.machine}-static", f"qemu-{target.machine}")
        qemu = next(filter(None, map(shutil.which, names)), None)
        if qemu is None:
            pytest.skip(f"programs for {arch} need qemu-user, which is not installed")
        cpu = " -cpu neoverse-n1" if arch == "arm64" else ""
        chosen, emulator = CHOSEN_EMULATED, f"--qemu={qemu}{cpu}"
    python = pack.ensure(target, log=Log()).python
    results = tmp_path / "results.json"
    files = [f"test_{name}" for name in chosen]
    where = ("--archive", archive, "--work", tmp_path, *filter(None, [emulator]))
    done = run("run", python, results, *where, "--files", *files)
    assert done.returncode == 0, done.stderr
    checked = run("check", results)
    assert checked.returncode == 0, done.stdout + checked.stdout
    assert json.loads(results.read_text())["files"].keys() == set(files)
