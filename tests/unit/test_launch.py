"""A local run: what the function's environment is made of, and where it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from build_scripts.snapshot import variables
from native_bootstrap import launch, task_root
from native_bootstrap.errors import InvokeError

ADDRESS = "127.0.0.1:1"


def test_fixed_variables_are_those_of_the_clean_room():
    """Another value of one of them, and no local run would use its snapshot."""
    assert variables.FIXED == launch.FIXED


def test_of_the_caller_comes_what_is_awss():
    caller = {
        "AWS_PROFILE": "mine",
        "AWS_LAMBDA_FUNCTION_NAME": "of another function",
        "HOME": "/home/me",
        "PATH": "/home/me/bin",
        "PYTHONPATH": "/home/me/lib",
    }
    found = launch.environment(ADDRESS, caller, {})
    assert found["AWS_PROFILE"] == "mine"
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "function"
    assert found["PATH"] == launch.FIXED["PATH"]
    assert not {"HOME", "PYTHONPATH", "NATIVE_BOOTSTRAP_SNAPSHOT"} & set(found)
    assert "NATIVE_BOOTSTRAP_SNAPSHOT" in launch.environment(
        ADDRESS, {"NATIVE_BOOTSTRAP_SNAPSHOT": "off"}, {}
    )


def test_given_variables_come_last():
    given = {"TZ": None, "_HANDLER": "app.other", "TABLE": "t", "AWS_LAMBDA_RUNTIME_API": "x"}
    found = launch.environment(ADDRESS, {}, given)
    assert "TZ" not in found
    assert (found["_HANDLER"], found["TABLE"]) == ("app.other", "t")
    assert found["AWS_LAMBDA_RUNTIME_API"] == ADDRESS


def test_declared_variables_are_in_the_report(tmp_path):
    snapshot = {
        "declared": ["API_KEY", "ABSENT", "STAGE", "UNREAD"],
        "guards": {
            "API_KEY": "…",
            "ABSENT": None,
            "STAGE": "test",
            "LAMBDA_TASK_ROOT": "/var/task",
        },
    }
    (tmp_path / "report.json").write_text(json.dumps({"snapshot": snapshot}))
    assert launch.declared(tmp_path) == {"ABSENT": None, "STAGE": "test"}


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"snapshot": null}'])
def test_a_report_that_tells_nothing(tmp_path, text):
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    assert launch.declared(tmp_path) == {}


# ---- processes: a shell script in the place of a bootstrap ----

OPTIONS = ("--mount",) if os.geteuid() == 0 else ("--mount", "--user")


@pytest.fixture
def task(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "_emulator", lambda program: ["/bin/sh"])
    folder = tmp_path / "task with a space"
    folder.mkdir()
    return folder


@pytest.fixture
def run(task):
    """``run(text)``: start a bootstrap of that text; how it was started and what it printed."""

    def start(text: str, **environ: str) -> tuple[launch.Started, list[str]]:
        (task / "bootstrap").write_text(text)
        with tempfile.TemporaryFile() as log:
            started = launch.start(task, environ, log)
            started.process.wait()
            log.seek(0)
            return started, log.read().decode("utf-8", "surrogateescape").splitlines()

    return start


@pytest.fixture
def allowed():
    """Skips where this user may have no mount namespace."""
    done = subprocess.run(["unshare", *OPTIONS, "true"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(done.stderr)


@pytest.mark.subprocesses
def test_it_runs_at_var_task_as_the_same_user(run, allowed):
    strange = "a 'ü' \udcff"
    started, said = run('pwd; echo $0; id -u; ls; echo "$TABLE"; wc -c; exit 3', TABLE=strange)
    assert (started.note, started.process.returncode) == ("", 3)
    user = str(os.geteuid())
    assert said == ["/var/task", "/var/task/bootstrap", user, "bootstrap", strange, "0"]


@pytest.mark.subprocesses
def test_only_var_task_is_another(run, allowed):
    before = {path.name for path in Path("/var").iterdir()}
    _, said = run("ls -A /var; (echo x >here) 2>/dev/null || echo read-only")
    assert {*said} == {*before, "task", "read-only"}
    assert {path.name for path in Path("/var").iterdir()} == before


@pytest.mark.subprocesses
def test_it_inherits_nothing_of_the_script_before_it(run, allowed):
    """No signal that Python ignores, no descriptor, no variable."""
    _, said = run("grep SigIgn /proc/self/status; ls /proc/self/fd; env", A="1")
    ignored = int(said[0].split()[1], 16)
    assert not ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)
    assert said[1:5] == ["0", "1", "2", "3"]  # 3 is the folder that ls reads
    assert {line for line in said[5:] if not line.startswith(("PWD=", "_="))} == {"A=1"}


@pytest.mark.subprocesses
def test_the_time_is_that_of_the_programs_own_start(run, allowed):
    before = time.monotonic()
    started, said = run("cat /proc/uptime")
    assert before < started.at < time.monotonic()
    offset = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    assert started.at + offset < float(said[0].split()[0]) + 0.02


@pytest.mark.subprocesses
def test_where_nothing_may_be_mounted_it_runs_where_it_lies(run, task, tmp_path, monkeypatch):
    """As told by the script, and when there is no word from it at all."""
    script = tmp_path / "script.py"
    monkeypatch.setattr(task_root, "__file__", str(script))
    for text, why in (
        ('import os, sys; os.write(int(sys.argv[1]), b\'{"refused": "too high"}\')', "too high"),
        ("import sys; sys.exit('of no interest')", "exit status 1"),
    ):
        script.write_text(text)
        started, said = run("pwd; echo $LAMBDA_TASK_ROOT $NATIVE_BOOTSTRAP_SNAPSHOT")
        assert why in started.note
        assert said == [str(task), f"{task} off"]


@pytest.mark.subprocesses
def test_a_program_that_cannot_be_run(run, monkeypatch):
    monkeypatch.setattr(launch, "_emulator", lambda program: ["/bin/no-such-shell"])
    with pytest.raises(InvokeError, match="cannot be run: No such file or directory"):
        run("")
