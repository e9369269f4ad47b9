"""Ctrl-C in every stage: one line, exit code 130, nothing left behind, the next build works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support import FUNCTIONS, Cli, assert_one_message, build_native, command, leftovers

from build_scripts import cache

QUICK = 5.0  # seconds between the signal and the end of the last process


class Interrupted:
    """Runs commands, interrupts them at a line of their output, and checks what is left."""

    def __init__(self, private: Path, scratch: Path) -> None:
        self.private = private
        self.scratch = scratch
        scratch.mkdir()
        names = {"NATIVE_BOOTSTRAP_CACHE": str(private), "TMPDIR": str(scratch)}
        self.environ = {**os.environ, **names}

    def at(
        self, line: str, *arguments: str | Path, after: float = 0.0, number: int = signal.SIGINT
    ) -> None:
        """The terminal's Ctrl-C goes to the whole process group; SIGTERM to the command only."""
        running = subprocess.Popen(
            command(*arguments),
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        seen = []
        for text in running.stderr:
            seen.append(text)
            if text.startswith(line):
                break
        else:
            pytest.fail(f"no line {line!r} in:\n{''.join(seen)}")
        time.sleep(after)
        start = time.monotonic()
        if number == signal.SIGINT:
            os.killpg(running.pid, number)
        else:
            running.send_signal(number)
        out, err = running.communicate(timeout=60)
        wait_for_end_of_group(running.pid, start + QUICK)
        assert_one_message(Cli(status=running.returncode, out=out, err=err), 130, "interrupted")
        assert err.splitlines()[-1] == "error: interrupted; nothing half-written was left"
        assert leftovers(self.private) == []
        assert list(self.scratch.iterdir()) == []


def wait_for_end_of_group(group: int, end: float) -> None:
    """Wait until no process of the group is left."""
    while True:
        assert time.monotonic() < end, f"not at its end after {QUICK} s"
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)


@pytest.fixture
def project(tmp_path):
    """The sample with a requirement and a module of its own, so that no stage has a result."""
    folder = tmp_path / "project"
    folder.mkdir()
    text = (FUNCTIONS / "sample" / "app.py").read_text()
    (folder / "app.py").write_text(f"import six\n{text}\nSTAMP = {time.time_ns()}\n")
    (folder / "requirements.txt").write_text("six==1.17.0\n")
    return folder


COLD = ("dependencies", "codegen", "objects", "archives", "programs", "snapshots", "zips")


def test_every_stage_of_a_build(built, private_cache, project, tmp_path):
    built("sample", "app.handler")  # pack and standard library are there
    interrupted = Interrupted(private_cache(cold=COLD), tmp_path / "scratch")
    output = tmp_path / "out"
    build = ("build", "app.handler", "--project", project, "--output", output)
    for line, after in (
        ("… dependencies requirements.txt", 0.1),
        ("… bytecode of the project", 0.1),
        ("… codegen", 1.5),
        ("… compile", 0.5),
        ("… link", 0.3),
        ("… snapshot", 0.1),
        ("… package", 0.1),
    ):
        interrupted.at(line, *build, after=after)
        assert not output.exists(), line
    result = build_native(*build, NATIVE_BOOTSTRAP_CACHE=str(interrupted.private))
    assert result.status == 0, result.err
    names = {"bootstrap", "bootstrap.debug", "function.zip", "report.json"}
    assert {path.name for path in output.iterdir()} == names


def test_terminated_while_tools_run_in_threads(built, private_cache, project, tmp_path):
    built("sample", "app.handler")
    interrupted = Interrupted(private_cache(cold=["objects"]), tmp_path / "scratch")
    build = ("build", "app.handler", "--project", project, "--output", tmp_path / "out")
    interrupted.at("… compile", *build, after=0.5, number=signal.SIGTERM)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_on_a_terminal(built, private_cache, project, tmp_path):
    """With live progress on the screen: the cursor comes back, and the message stands alone."""
    built("sample", "app.handler")
    private = private_cache(cold=["codegen"])
    build = command("build", "app.handler", "--project", project, "--output", tmp_path / "out")
    terminal, inner = os.openpty()
    running = subprocess.Popen(
        build,
        env={**os.environ, "NATIVE_BOOTSTRAP_CACHE": str(private), "TERM": "xterm"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    screen = b""
    while b"codegen" not in screen:
        screen += os.read(terminal, 1024)
    time.sleep(0.5)
    os.killpg(running.pid, signal.SIGINT)
    with contextlib.suppress(OSError):  # EIO: the terminal of processes that have ended
        while more := os.read(terminal, 1024):
            screen += more
    os.close(terminal)
    assert running.wait(10) == 130
    assert b"Traceback" not in screen
    assert screen.endswith(b"error: interrupted; nothing half-written was left\r\n")
    assert screen.count(b"\x1b[?25l") == screen.count(b"\x1b[?25h")
    assert leftovers(private) == []


def test_old_results_stay_when_a_rebuild_is_interrupted(built, private_cache, project, tmp_path):
    interrupted = Interrupted(private_cache(cold=["codegen"]), tmp_path / "scratch")
    output = tmp_path / "out"
    output.mkdir()
    (output / "bootstrap").write_text("of an earlier build")
    build = ("build", "app.handler", "--project", project, "--output", output)
    interrupted.at("… codegen", *build, after=0.2)
    assert [path.read_text() for path in output.iterdir()] == ["of an earlier build"]


def test_a_removal_that_is_interrupted_is_done_at_the_end(tmp_path):
    code = f"""
        from pathlib import Path
        from build_scripts import scratch

        def interrupted(*arguments, **named):
            scratch.shutil.rmtree = real
            raise KeyboardInterrupt

        real, scratch.shutil.rmtree = scratch.shutil.rmtree, interrupted
        with scratch.private_folder(".", Path({str(tmp_path)!r})) as folder:
            (folder / "file").touch()
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE, check=False
    )
    assert ended.returncode == -signal.SIGINT
    assert b"in private_folder" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_pack(built, private_cache, tmp_path, monkeypatch):
    """Interrupted while it gets its sources and while it compiles; then it resumes and is whole."""
    built("sample", "app.handler")
    private = private_cache(cold=["sources", "packs"], partly={"steps": ["zlib-", "program-"]})
    interrupted = Interrupted(private, tmp_path / "scratch")
    interrupted.environ["NATIVE_BOOTSTRAP_SOURCES"] = str(cache.root() / "sources")
    build = ("pack", "path")
    interrupted.at("… fetch", *build)
    interrupted.at("… zlib", *build, after=0.3)
    interrupted.at("… program", *build, after=1.0)
    assert list((private / "packs").iterdir()) == []
    monkeypatch.setenv("NATIVE_BOOTSTRAP_SOURCES", str(cache.root() / "sources"))
    result = build_native(*build, NATIVE_BOOTSTRAP_CACHE=str(private))
    assert result.status == 0, result.err
    assert "… zlib" not in result.err  # that step was complete before the last interrupt
    pack = Path(result.out.strip())
    done = subprocess.run([next(pack.glob("bin/python*")), "-c", "print(7)"], capture_output=True)
    assert done.stdout == b"7\n"
