"""A short soak; the full one is benchmarks/soak.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lambda_like import NORMALLY

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.parametrize("start", [{}, NORMALLY], ids=["snapshot", "normally"])
def test_three_thousand_invocations(built, start):
    output = built("sample", "app.handler")
    command = [sys.executable, SOAK, output, "--count", "3000"]
    environ = {**os.environ, **start}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("3000 invocations")
    assert done.stderr == ""  # nothing about a snapshot that could not be used
