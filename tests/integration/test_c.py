"""The C core's own tests, compiled and run by tests/c/run.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from build_scripts import log, pack, targets

C_TESTS = Path(__file__).parents[1] / "c"
NAMES = sorted(path.stem.removeprefix("test_") for path in C_TESTS.glob("test_*.c"))


@pytest.fixture(scope="module", autouse=True)
def host_pack():
    """The tests that replace libc's functions link over a pack's libc."""
    pack.ensure(targets.host(), log=log.quiet())


@pytest.mark.parametrize("name", NAMES)
def test_c(name: str) -> None:
    done = subprocess.run(
        [sys.executable, C_TESTS / "run.py", name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    if not any(line.startswith("ok ") for line in lines):
        pytest.skip("; ".join(line for line in lines if line.startswith("skip")))
