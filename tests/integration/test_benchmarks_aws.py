"""`build-native bench --target aws` against moto's server and recorded REPORT lines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from support import Cli, build_native, command

from build_scripts.bench import samples, summary

ROOT = Path(__file__).parents[2]
LINES = (
    "REPORT RequestId: 8f5a1a0b-6d0e-4f3b-9e6a-0c1f5b7a2d11\tDuration: 1.72 ms\t"
    "Billed Duration: 103 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"
    "Init Duration: 100.41 ms\t\n"
    "REPORT RequestId: 1c2d3e4f-0a1b-4c5d-8e9f-a0b1c2d3e4f5\tDuration: 1.18 ms\t"
    "Billed Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n"
)
# Everything but "interpreted", which cannot be deployed, in one cell each.
BRIEF = ("--target", "aws", "--workload", "hello", "--memory", "128", "--no-build-times")
TWO = ("--contender", "limit", "--contender", "interpreted", "--reference", "limit")


@pytest.fixture
def account(tmp_path, monkeypatch) -> Iterator[None]:
    """Credentials of nobody's, for a Lambda of nobody's."""
    lines = tmp_path / "lines.txt"
    lines.write_text(LINES)
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("moto_lambda.py"), lines],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    with process.stdout:
        address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    try:
        yield
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def bench(output: Path, *options: str | Path) -> Cli:
    return build_native("bench", "--output", output, *BRIEF, *options)


def what_is_there() -> dict[str, list[str]]:
    functions = boto3.client("lambda").list_functions()["Functions"]
    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    roles = boto3.client("iam").list_roles()["Roles"]
    return {
        "functions": [found["FunctionName"] for found in functions],
        "groups": [found["logGroupName"] for found in groups],
        "roles": [found["RoleName"] for found in roles],
    }


NOTHING: dict[str, list[str]] = {"functions": [], "groups": [], "roles": []}


@pytest.mark.usefixtures("account")
def test_it_only_tells_unless_it_is_told_to(tmp_path):
    done = bench(tmp_path / "out", "--runs", "4")
    assert done.status == 0, done.err
    assert "account 123456789012, region eu-west-1" in done.out
    assert "6 functions nb-bench-RUN-*, each with 4 versions" in done.out
    assert "nothing has been done: add --execute" in done.out
    assert not (tmp_path / "out").exists()
    assert what_is_there() == NOTHING


@pytest.mark.usefixtures("account")
def test_cold_starts_by_report_lines(tmp_path):
    done = bench(tmp_path / "out", *TWO, "--contender", "bytecode", "--runs", "2", "--execute")
    assert done.status == 0, done.err
    assert what_is_there() == NOTHING
    found = summary.summarise(samples.load(tmp_path / "out"))
    for name in ("limit", "bytecode"):
        cell = found.cell("hello", "128 MB", name)
        assert cell.cold is not None, cell.failure
        assert cell.init is not None
        assert (cell.cold.n, cell.cold.value, cell.init.value) == (2, 102.13, 100.41)
        assert cell.medians["rss_mb"] == 36
        assert cell.warm is not None
        assert (cell.warm.n, cell.warm.percentiles[0.5]) == (40, 1180)
    assert found.cell("hello", "128 MB", "interpreted").failure.startswith("missing: its Python")
    text = (tmp_path / "out" / "report.html").read_text()
    assert "AWS Lambda, eu-west-1" in text
    assert "from REPORT lines" in text
    assert "102 ms" in text


@pytest.mark.usefixtures("account")
def test_an_interrupt_leaves_nothing_in_the_account(tmp_path):
    output = tmp_path / "out"
    arguments = command("bench", "--output", output, *BRIEF, *TWO, "--runs", "500", "--execute")
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    end = time.monotonic() + 60
    file = output / "samples.jsonl"
    while time.monotonic() < end and not (file.exists() and '"round"' in file.read_text()):
        time.sleep(0.05)
    assert what_is_there()["functions"]
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert what_is_there() == NOTHING
    assert "This run was interrupted" in (output / "report.md").read_text()


@pytest.mark.usefixtures("account")
def test_what_a_killed_run_left_is_removed_later(tmp_path):
    output = tmp_path / "out"
    arguments = command("bench", "--output", output, *BRIEF, *TWO, "--runs", "500", "--execute")
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and not what_is_there()["functions"]:
        time.sleep(0.05)
    process.kill()
    process.wait()
    left = what_is_there()
    assert all(left.values()), left
    assert [name.startswith("nb-bench-") for name in left["functions"]] == [True]
    boto3.client("logs").create_log_group(logGroupName="/aws/lambda/somebody-elses")
    done = build_native("bench", "--target", "aws", "--sweep")
    assert done.status == 0, done.err
    assert done.out.count("removed ") == 3
    assert what_is_there() == {**NOTHING, "groups": ["/aws/lambda/somebody-elses"]}


@pytest.mark.usefixtures("account")
def test_a_function_that_fails_has_no_number(tmp_path):
    matrix = tmp_path / "m.toml"
    matrix.write_text('[workloads.hello]\nproject = "."\nevent = "e.json"\n')
    (tmp_path / "e.json").write_text('"fail"')
    done = bench(tmp_path / "out", *TWO, "--runs", "2", "--execute", "--matrix", matrix)
    assert done.status == 0, done.err
    found = summary.summarise(samples.load(tmp_path / "out"))
    assert "error: Unhandled" in found.cell("hello", "128 MB", "limit").failure
    assert what_is_there() == NOTHING


def test_without_credentials(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    done = build_native(
        "bench", *BRIEF, *TWO, AWS_EC2_METADATA_DISABLED="true", AWS_DEFAULT_REGION="eu-west-1",
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "none"), AWS_CONFIG_FILE=str(tmp_path / "none"),
    )  # fmt: skip
    assert done.status == 50, done.err
    assert "Unable to locate credentials" in done.err
