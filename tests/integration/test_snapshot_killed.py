"""A build that is killed: its output is absent, or complete and right; the next one is as ever."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import lambda_like
import pytest
from support import FUNCTIONS, build_native, command, linked_cache

import build_scripts
from build_scripts import cache

SEED = int(os.environ.get("NB_TEST_SEED", "0"))
KILLS = int(os.environ.get("NB_TEST_KILLS", "5"))  # a hundred for a release
COLD = ("programs", "snapshots", "zips")  # what is made anew each time: link, dump, package
RESULTS = ("bootstrap", "function.zip")
FIRST_LINE = "… link"


def assert_answers(task: Path) -> None:
    run = lambda_like.run(task, [{"do": "echo", "value": "ü"}])
    assert [answer.get("echo") for answer in run.answers] == ["ü"]
    assert run.stderr == ""


@dataclass(kw_only=True)
class Builds:
    """Builds of one function with a cache, a scratch folder and an output folder of their own."""

    folder: Path
    seconds: float = 0.0  # from the link to the end

    def __post_init__(self) -> None:
        self.private = linked_cache(self.folder / "cache", COLD)
        (self.folder / "tmp").mkdir()
        shutil.copytree(FUNCTIONS / "sample", self.folder / "project")
        for package in ("build_scripts", "native_bootstrap"):  # it may change while the tests run
            source = Path(build_scripts.__file__).parents[1] / package
            shutil.copytree(source, self.folder / "product" / package)
        self.environ = {
            "NATIVE_BOOTSTRAP_CACHE": str(self.private),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": str(self.folder / "product"),
        }
        self.arguments = (
            *("build", "app.handler", "--project", self.folder / "project"),
            *("--output", self.output, "--code", "bytecode", "--snapshot", "full"),
        )

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def complete(self) -> None:
        result = build_native(*self.arguments, **self.environ)
        assert result.status == 0, result.err
        self.assert_right()

    def assert_right(self) -> None:
        """What there is in the output folder is what it should be, and starts from its image."""
        if (self.output / "bootstrap").exists():
            task = self.folder / "task"
            task.mkdir()
            shutil.copy(self.output / "bootstrap", task)
            assert_answers(task)
            shutil.rmtree(task)
        if (self.output / "function.zip").exists():
            assert_answers(lambda_like.unpack(self.output, self.folder / "task"))
            shutil.rmtree(self.folder / "task")

    def start(self) -> subprocess.Popen[str]:
        """A build that has come to the link."""
        running = subprocess.Popen(
            command(*self.arguments),
            env={**os.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith(FIRST_LINE):
                return running
        raise AssertionError("the build did not come to the link")

    def forget(self) -> None:
        """Complete entries go, what a killed build left behind stays."""
        shutil.rmtree(self.output, ignore_errors=True)
        for kind in COLD:
            for entry in (self.private / kind).glob("[!.]*"):
                shutil.rmtree(entry)


def rooms() -> set[int]:
    """The processes of clean rooms, by the name that they give themselves."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if path.read_text().strip() == "room":
                found.add(int(path.parent.name))
    return found


def assert_gone(processes: set[int]) -> None:
    end = time.monotonic() + 10
    while processes & rooms():
        assert time.monotonic() < end, "a clean room outlives its build"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def builds(built, tmp_path_factory) -> Builds:
    builds = Builds(folder=tmp_path_factory.mktemp("killed"))
    builds.complete()
    builds.forget()
    running = builds.start()
    started = time.monotonic()
    running.communicate()
    assert running.returncode == 0
    builds.seconds = time.monotonic() - started
    return builds


def test_killed_at_any_moment(builds):
    chosen = random.Random(SEED)
    seen = set()
    for number in range(KILLS):
        builds.forget()
        running = builds.start()
        time.sleep(chosen.uniform(0, builds.seconds))
        of_builds = rooms()
        if number % 2:
            os.killpg(running.pid, signal.SIGKILL)
        else:
            running.kill()
        running.communicate()
        assert_gone(of_builds)
        seen.add(running.returncode)
        builds.assert_right()
        for kind in COLD:
            for entry in (builds.private / kind).glob("[!.]*"):
                assert cache.is_intact(entry)
    assert -signal.SIGKILL in seen


def test_the_next_build_is_as_ever(builds):
    """Among what the killed ones left behind, and with what they had finished."""
    builds.complete()
    assert {path.name for path in builds.output.iterdir()} >= set(RESULTS)


def test_old_results_stay_when_a_rebuild_is_killed(builds):
    builds.forget()
    builds.output.mkdir()
    for name in RESULTS:
        (builds.output / name).write_text("of an earlier build")
    running = builds.start()
    time.sleep(builds.seconds / 3)
    running.kill()
    running.communicate()
    assert {(builds.output / name).read_text() for name in RESULTS} == {"of an earlier build"}
