"""A short soak; the full one is benchmarks/soak.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


def test_three_thousand_invocations(built):
    output = built("sample", "app.handler")
    command = [sys.executable, SOAK, output, "--count", "3000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("3000 invocations")
