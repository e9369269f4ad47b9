"""`build-native bench`: every contender has its row, the numbers are right, failures are told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from lambda_like import at_var_task
from support import Cli, build_native, command

from build_scripts.bench import samples, stats, summary
from build_scripts.bench.summary import Summary

ROOT = Path(__file__).parents[2]
BRIEF = ("--no-build-times", "--no-cold-cache", "--memory", "none", "--warm", "20")
CONTENDERS = (
    *("awslambdaric", "interpreted", "bytecode", "native", "snapshot", "native+snapshot", "limit"),
)
MEASURES = {
    *("cold_ms", "init_ms", "cpu_ms", "minor_faults", "major_faults", "rss_mb", "pss_mb"),
    *("anon_mb", "warm_us", "warm_wall_ms"),
}


@pytest.fixture(autouse=True)
def _task_root():
    at_var_task(ROOT)  # skips where functions cannot be started as on Lambda


def bench(output: Path, *options: str | Path) -> Cli:
    return build_native("bench", "--output", output, *options)


def result(output: Path) -> Summary:
    return summary.summarise(samples.load(output))


def matrix(folder: Path, text: str) -> Path:
    file = folder / "matrix.toml"
    file.write_text(text)
    return file


def test_hello_with_every_contender(tmp_path):
    output = tmp_path / "out"
    done = bench(
        output, "--workload", "hello", "--runs", "5", "--seed", "1", "--warm", "100",
        "--memory", "128", "--no-build-times",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert {path.name for path in output.iterdir()} == {
        *("report.html", "report.md", "samples.jsonl", "environment.json"),
    }
    text = (output / "report.md").read_text()
    page = (output / "report.html").read_text()
    found = result(output)
    assert found.contenders == CONTENDERS
    for name in CONTENDERS:
        assert f"\n| {name} |" in text
        assert f"<td>{name}</td>" in page
        cell = found.cell("hello", "full", name)
        assert not cell.failure, (name, cell.failure)
        assert cell.cold is not None
        assert cell.init is not None
        assert cell.cold.n == 5
        assert 0 < cell.init.value < cell.cold.value
        assert cell.warm is not None
        assert cell.warm.n == 500
    for row in found_rows(output):
        expected = (
            MEASURES if row["condition"] == "full" else MEASURES - {"warm_us", "warm_wall_ms"}
        )
        assert row.keys() >= expected
    least = {
        name: min(
            row["cpu_ms"]
            for row in found_rows(output)
            if (row["condition"], row["contender"]) == ("full", name)
        )
        for name in CONTENDERS
    }
    assert least["limit"] < least["native+snapshot"] < least["bytecode"] < least["awslambdaric"]
    if not found.skipped:
        # Only a process that needs more than its quota is held up, and then for most of the time.
        for row in found_rows(output):
            if (row["condition"], row["contender"]) == ("128 MB", "bytecode"):
                assert row["cold_ms"] > 2 * row["cpu_ms"]
    assert len(found.probes) == 1 + len(found.workloads["hello"])
    machine = (output / "environment.json").read_text()
    assert str(Path.home()) not in machine + text + page


def found_rows(output: Path) -> list[dict]:
    return [row for row in samples.load(output).rows if "round" in row]


def test_twins_do_not_differ_and_a_millisecond_is_found(tmp_path):
    chosen = [word for name in ("limit", "twin", "slower") for word in ("--contender", name)]
    done = bench(
        tmp_path / "out", *BRIEF, *chosen, "--workload", "selftest", "--runs", "60",
        "--reference", "limit", "--matrix", ROOT / "benchmarks" / "selftest.toml",
    )  # fmt: skip
    assert done.status == 0, done.err
    found = result(tmp_path / "out")
    twin = found.cell("selftest", "full", "twin").difference
    slower = found.cell("selftest", "full", "slower").difference
    assert twin is not None
    assert slower is not None
    assert abs(twin.value) < twin.width
    cells = {name: found.cell("selftest", "full", name).cold for name in ("limit", "slower")}
    least = {name: cell.minimum for name, cell in cells.items() if cell}
    assert 0.9 <= least["slower"] - least["limit"] <= 1.1
    if slower.width < 0.2:  # where others compute, too, whoever sleeps is not woken at once
        assert 0.9 <= slower.value <= 1.1


BAD = """
[workloads.init]
project = "bad"
handler = "init.handler"
[workloads.silent]
project = "bad"
handler = "silent.handler"
[workloads.error]
project = "bad"
handler = "error.handler"
[contenders.absent]
kind = "command"
command = ["./bootstrap"]
task = "nowhere"
[contenders.own]
kind = "command"
command = ["python3", "own.py"]
task = "own"
[contenders.dies]
kind = "command"
command = ["/bin/false"]
"""


# Any program: a connection for each request, an answer in chunks.
OWN = """
import http.client, os
while True:
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, number = answer.read(), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    path = f"/2018-06-01/runtime/invocation/{number}/response"
    api.request("POST", path, body=iter([event, b"!" * 70000]), encode_chunked=True,
                headers={"Transfer-Encoding": "chunked"})
    api.getresponse().read()
"""


def test_failures_are_told_and_the_run_goes_on(tmp_path):
    project = tmp_path / "bad"
    project.mkdir()
    (project / "init.py").write_text("raise RuntimeError('no table')\n")
    (project / "silent.py").write_text("import time\n\ndef handler(e, c):\n    time.sleep(60)\n")
    (project / "error.py").write_text("def handler(e, c):\n    return e['missing']\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.py").write_text(OWN)
    names = ("interpreted", "absent", "own", "dies", "limit")
    chosen = [word for name in names for word in ("--contender", name)]
    chosen += [word for name in ("init", "silent", "error") for word in ("--workload", name)]
    output = tmp_path / "out"
    start = time.monotonic()
    done = bench(
        output, *BRIEF, *chosen, "--runs", "2", "--timeout", "3", "--reference", "limit",
        "--matrix", matrix(tmp_path, BAD),
    )  # fmt: skip
    assert done.status == 0, done.err
    assert time.monotonic() - start < 60
    found = result(output)
    reasons = {w: found.cell(w, "full", "interpreted").failure for w in found.workloads}
    assert reasons["init"] == "init-error: RuntimeError: no table"
    assert reasons["silent"].startswith("silent: nothing for 3.0 s")
    assert reasons["error"] == "error: KeyError: 'missing'"
    text = (output / "report.md").read_text()
    for workload, reason in reasons.items():
        assert reason.partition(":")[0] in text
        assert "no such folder" in found.cell(workload, "full", "absent").failure
        assert found.cell(workload, "full", "dies").failure == "exit: status 1"
        for name in ("limit", "own"):
            cold = found.cell(workload, "full", name).cold
            assert cold is not None
            assert cold.n == 2


def test_a_start_without_its_snapshot_is_no_number(tmp_path):
    file = matrix(tmp_path, '[contenders.other]\nkind = "build"\nenviron = {PYTHONHASHSEED = "1"}')
    chosen = ["--workload", "hello", "--contender", "other", "--matrix", file, "--runs", "1"]
    done = bench(tmp_path / "out", *BRIEF, *chosen)
    assert done.status == 0, done.err
    assert "fell-back: " in result(tmp_path / "out").cell("hello", "full", "other").failure


def test_an_interrupt_leaves_a_report_and_the_run_goes_on(tmp_path):
    output = tmp_path / "out"
    arguments = command(
        "bench", "--output", output, *BRIEF, "--workload", "hello", "--contender", "limit",
        "--runs", "400", "--seed", "3",
    )  # fmt: skip
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    )
    end = time.monotonic() + 60
    while time.monotonic() < end:
        file = output / "samples.jsonl"
        if file.exists() and file.read_text().count('"round"') >= 5:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "interrupted; the report has what was measured" in out
    assert "This run was interrupted" in (output / "report.md").read_text()
    before = found_rows(output)
    assert 5 <= len(before) < 400
    done = bench(
        output, *BRIEF, "--workload", "hello", "--contender", "limit",
        "--runs", str(len(before) + 3), "--seed", "3",
    )  # fmt: skip
    assert done.status == 0, done.err
    after = found_rows(output)
    assert after[: len(before)] == before
    assert [row["round"] for row in after] == list(range(len(before) + 3))
    assert "interrupted" not in (output / "report.md").read_text()
    other = bench(output, *BRIEF, "--workload", "hello", "--runs", "5")
    assert other.status == 2
    assert "another plan" in other.err
    compared = build_native("bench", "--compare", output, output)
    assert compared.status == 0
    assert "| hello | full | limit |" in compared.out
    assert "no difference seen" in compared.out


def test_your_own_handler(tmp_path):
    (tmp_path / "mine.py").write_text("def handler(event, context):\n    return event['n'] + 1\n")
    (tmp_path / "e.json").write_text('{"n": 41}')
    done = build_native(
        "bench", "mine.handler", "--event", "e.json", "--contender", "bytecode", *BRIEF,
        "--runs", "2", "--reference", "bytecode", "--output", "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.status == 0, done.err
    cell = result(tmp_path / "out").cell("mine", "full", "bytecode")
    assert cell.cold is not None
    assert cell.cold.n == 2
    assert stats.carries(cell.warm.n if cell.warm else 0, 0.5)


def test_the_installed_package_has_what_it_needs(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    here = ROOT / "benchmarks"
    expected = {"matrix.toml", *(str(p.relative_to(here)) for p in here.glob("workloads/*/*.*"))}
    assert {f"build_scripts/bench/data/{name}" for name in expected} <= set(names)
    assert {f"build_scripts/bench/{n}" for n in ("timer.c", "http.h", "page.css")} <= set(names)
    assert json.dumps(names).count("__pycache__") == 0
