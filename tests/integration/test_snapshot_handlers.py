"""Handlers that do at import what an image cannot keep: each ends in the documented way.

One folder of tests/functions/bad-snapshot-* per kind. Its expect.toml says what the build reports
and what the function answers; the answers are the same with the image and without.

    about                  what the function does, in a sentence
    options, build_environ for the build
    deferred               modules that must be left out: module, at (FILE:LINE), because (a word)
    imported               modules that must be in the image; the handler's own is in exactly one of
                           the two, unless `either` (sound both ways)
    guards                 variables that the image depends on; "-" for absent
    absent                 texts that must not be anywhere in the program
    full                   what `--snapshot full` is to say
    [[start]]              one way to start it, any number of them; with
      environ, files (in /var/task), listen (a socket), events
      answers              or `answer` for all; `init_error`, `exit`, `stdout`, `stderr`
      fresh                keys that differ from process to process
      plain_stdout         without the image, where that differs
      normal               a word: the image may not be used, and the program says why
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lambda_like
import pytest
from support import FUNCTIONS, assert_one_message, build_native, linked_cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDERS = sorted(FUNCTIONS.glob("bad-snapshot-*"))
# Each kind is a build and several starts, all of them eight minutes: one in four, unless all are
# asked for (NB_TEST_KINDS_EVERY=1) or another part (NB_TEST_SEED).
EVERY = int(os.environ.get("NB_TEST_KINDS_EVERY", "4"))
SLOW = {"bad-snapshot-endless"}  # ends by the time-out of a pass
FOLDERS = [folder for folder in FOLDERS if EVERY == 1 or folder.name not in SLOW]
FOLDERS = FOLDERS[int(os.environ.get("NB_TEST_SEED", "0")) % EVERY :: EVERY]
EVENTS = [{}, {}]
LARGE = ("archives", "programs", "snapshots", "zips")


def expected(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "expect.toml").read_text())


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A built function, and what is expected of it. ``task``: what would lie in /var/task."""

    wanted: dict[str, Any]
    task: Path
    report: dict[str, Any]
    said: str

    @property
    def starts(self) -> list[dict[str, Any]]:
        common = {key: value for key, value in self.wanted.items() if key != "start"}
        return [{**common, **start} for start in self.wanted.get("start", [{}])]


def project_of(folder: Path, target: Path) -> Path:
    """A copy of the function's project, with what make.py makes."""
    shutil.copytree(folder, target)
    (target / "expect.toml").unlink()
    if (target / "make.py").exists():
        subprocess.run([sys.executable, "make.py"], cwd=target, check=True)
        (target / "make.py").unlink()
    return target


@pytest.fixture(scope="module")
def private(tmp_path_factory) -> Iterator[Path]:
    """A cache for what is made here: a hundred programs with their images are some gigabytes."""
    folder = linked_cache(tmp_path_factory.mktemp("private") / "cache", LARGE)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name[13:])
def kind(request, private, tmp_path_factory) -> Iterator[Kind]:
    wanted = expected(request.param)
    work = tmp_path_factory.mktemp("snapshot")
    result = build_native(
        *("build", "app.handler", "--project", project_of(request.param, work / "project")),
        *("--output", work / "out", "--code", "bytecode", "--snapshot", "auto"),
        *wanted.get("options", ()),
        **{"NATIVE_BOOTSTRAP_CACHE": str(private), **wanted.get("build_environ", {})},
    )
    assert result.status == 0, result.err
    yield Kind(
        wanted=wanted,
        task=lambda_like.unpack(work / "out", work / "task"),
        report=json.loads((work / "out" / "report.json").read_text())["snapshot"],
        said=result.out + result.err,
    )
    for folder in (work, *(private / name for name in LARGE)):
        shutil.rmtree(folder, ignore_errors=True)


def test_what_the_build_says(kind):
    deferred = {entry["module"]: entry for entry in kind.report["deferred"]}
    inside = set(kind.report["modules"])
    for entry in kind.wanted.get("deferred", ()):
        module = entry["module"]
        assert module in deferred, (deferred, sorted(inside))
        found = deferred[module]
        if "at" in entry:
            assert f"{found['file']}:{found['line']}" == entry["at"], found
            assert entry["at"] in kind.said
        assert entry.get("because", "").lower() in found["reason"].lower()
        assert module in kind.said
    for module in kind.wanted.get("imported", ()):
        assert module in inside, (deferred, sorted(inside))
    assert not inside & deferred.keys()
    if not kind.wanted.get("either"):
        assert ("app" in inside) == ("app" in kind.wanted.get("imported", ())), deferred
    guards = {name: "-" if v is None else v for name, v in kind.report["guards"].items()}
    assert guards.items() >= kind.wanted.get("guards", {}).items()
    if not kind.wanted.get("deferred") and not kind.wanted.get("either"):
        assert deferred == {}
    program = (kind.task / "bootstrap").read_bytes()
    for text in kind.wanted.get("absent", ()):
        assert text.encode() not in program
        assert text not in kind.said + json.dumps(kind.report)


def test_answers(kind):
    """The image and the plain program agree with what is expected, and so with each other."""
    for start in kind.starts:
        restored = begin(kind.task, start, {})
        check(restored, start, start.get("stdout"))
        normal = start.get("normal")
        assert len(restored.normal) == (1 if normal else 0), restored.stderr
        if normal:
            assert normal in restored.normal[0]
        plain = begin(kind.task, start, lambda_like.NORMALLY)
        check(plain, start, start.get("plain_stdout", start.get("stdout")))
        if "init_error" in start:  # type, message and stack trace, line by line
            assert restored.answers == plain.answers
        if "fresh" in start:
            check_fresh(start["fresh"], [restored, begin(kind.task, start, {}), plain])


def begin(task: Path, start: Mapping[str, Any], environ: Mapping[str, str]) -> lambda_like.Run:
    with contextlib.ExitStack() as around:
        for name, text in start.get("files", {}).items():
            path = task / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            around.callback(path.unlink)
        if "listen" in start:
            around.enter_context(listening(Path(start["listen"])))
        given = {**start.get("environ", {}), **environ}
        return lambda_like.run(task, start.get("events", EVENTS), environ=given)


@contextlib.contextmanager
def listening(path: Path) -> Iterator[None]:
    """A socket that accepts whoever comes."""

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=accept, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
    path.unlink()


def check_fresh(names: list[str], runs: list[lambda_like.Run]) -> None:
    for name in names:
        values = {json.dumps(run.answers[0][name]) for run in runs}
        assert len(values) == len(runs), (name, values)


def check(found: lambda_like.Run, start: Mapping[str, Any], stdout: str | None) -> None:
    answers = list(found.answers)
    if "init_error" in start:
        error = answers.pop(0)
        assert error["init/error"]["errorType"] == start["init_error"], found.stderr
    events = start.get("events", EVENTS)
    wanted = start.get("answers")
    if wanted is None:
        wanted = [start["answer"]] * len(events)
    names = start.get("fresh", ())
    of_process = [{name: answer.pop(name) for name in names} for answer in answers if names]
    assert answers == wanted, found.stderr
    assert all(each == of_process[0] for each in of_process)
    assert found.exit_code == start.get("exit")
    if stdout is not None:
        assert found.stdout == stdout
    if "stderr" in start:
        assert found.user_stderr == start["stderr"]


@pytest.mark.parametrize(
    "folder", [f for f in FOLDERS if "full" in expected(f)], ids=lambda folder: folder.name[13:]
)
def test_full_or_nothing(folder, tmp_path):
    wanted = expected(folder)
    result = build_native(
        *("build", "app.handler", "--project", project_of(folder, tmp_path / "project")),
        *("--output", tmp_path / "out", "--code", "bytecode", "--snapshot", "full"),
        *wanted.get("options", ()),
        **wanted.get("build_environ", {}),
    )
    first = wanted["deferred"][0]
    assert_one_message(result, wanted["full"], first["module"], first["at"], "--snapshot")
    assert not (tmp_path / "out").exists()
