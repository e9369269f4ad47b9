"""The cold start benchmark runs and has every number; what they are is in docs/benchmarks.md."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lambda_like import SAYS_NORMAL, at_var_task
from support import build_native

ROOT = Path(__file__).parents[2]
COLDSTART = ROOT / "benchmarks" / "coldstart.py"
MEASURES = {
    "cold_ms", "init_ms", "cold_cpu_ms", "cold_faults", "warm_us", "rss_mb", "pss_mb", "anon_mb",
}  # fmt: skip


@pytest.fixture(scope="module")
def hello(tmp_path_factory) -> Path:
    at_var_task(ROOT)  # skips where the benchmark cannot run
    output = tmp_path_factory.mktemp("dist") / "hello"
    done = build_native(
        "build", "app.handler", "--project", ROOT / "examples" / "hello", "--output", output
    )
    assert done.status == 0, done.err
    return output


def coldstart(output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, COLDSTART, output, "--runs", "2", "--warm", "3", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_every_contender_has_every_measure(hello, tmp_path):
    # Any Python will do for the reference here: how fast it is does not matter.
    samples_file = tmp_path / "samples.json"
    done = coldstart(hello, "--stock", sys.executable, "--json", str(samples_file))
    assert done.returncode == 0, done.stderr
    samples = json.loads(samples_file.read_text())
    assert set(samples) == {"echo (C)", "bootstrap", "no snapshot", "awslambdaric"}
    for name, runs in samples.items():
        assert len(runs) == 2
        assert all(set(run) == MEASURES for run in runs), name
        assert all(value > 0 for run in runs for key, value in run.items() if key != "anon_mb")
        assert sum(line.startswith(name) for line in done.stdout.splitlines()) >= 1
    smallest = {name: min(run["cold_cpu_ms"] for run in runs) for name, runs in samples.items()}
    assert smallest["echo (C)"] < smallest["bootstrap"] < smallest["no snapshot"]


def test_a_start_that_falls_back_is_an_error(hello):
    done = coldstart(hello, "--env", "PYTHONHASHSEED=1")
    assert done.returncode == 1
    assert SAYS_NORMAL in done.stderr


def test_a_function_that_fails_is_an_error(hello, tmp_path):
    event = tmp_path / "event.json"
    event.write_text("[]")  # a list has no get()
    done = coldstart(hello, "--event", str(event))
    assert done.returncode == 1
    assert "the function answered with an error" in done.stderr


def test_a_build_without_an_image(hello, tmp_path):
    output = tmp_path / "hello"
    shutil.copytree(hello, output)
    report = json.loads((output / "report.json").read_text())
    report["snapshot"] = {"level": "off"}
    (output / "report.json").write_text(json.dumps(report))
    done = coldstart(output)
    assert done.returncode == 0, done.stderr
    assert "no snapshot" not in done.stdout


def test_a_share_of_the_cpu(hello, tmp_path):
    samples_file = tmp_path / "samples.json"
    done = coldstart(hello, "--cpu-share", "0.072", "--json", str(samples_file))
    assert done.returncode == 0, done.stderr
    if done.stdout.startswith("skipped: "):
        pytest.skip(done.stdout.strip())
    samples = json.loads(samples_file.read_text())
    # Only a process that needs more than its quota is held up, and then for most of the time.
    for run in samples["no snapshot"]:
        assert run["cold_ms"] > 2 * run["cold_cpu_ms"]


def test_a_share_that_cannot_be(hello):
    done = coldstart(hello, "--cpu-share", "0.00001")
    assert done.returncode == 0
    assert "below the kernel's" in done.stdout
