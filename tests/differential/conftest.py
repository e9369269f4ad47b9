"""Fixtures: the three contenders, and the outcomes of those that run in this session."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from differential import contenders
from differential.cases import CASES
from differential.model import Case, Outcome
from differential.run import BASE_ENVIRONMENT, run_group

BUILD_MINUTES = 20
Runner = Callable[[Case], Outcome]


@pytest.fixture(scope="session")
def reference_python() -> Path:
    """The Python of the environment with the reference client (kept between sessions)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "native-bootstrap"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        return contenders.reference_environment(cache)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the reference client cannot be installed here: {error.stderr}")


@pytest.fixture(scope="session")
def reference(reference_python: Path) -> Runner:
    return _runner(contenders.reference(reference_python))


@pytest.fixture(scope="session")
def interpreted(reference_python: Path) -> Runner:
    return _runner(contenders.interpreted(reference_python))


@pytest.fixture(scope="session")
def compiled(compiled_bootstrap: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return _runner(contenders.compiled(compiled_bootstrap, tmp_path_factory.mktemp("task")))


@pytest.fixture(scope="session")
def snapshot(compiled_bootstrap: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    folder = tmp_path_factory.mktemp("task")
    if not contenders.may_be_at_var_task(folder):
        pytest.skip("mount namespaces are not allowed here")
    contender = contenders.snapshot(compiled_bootstrap, folder)
    (folder / "phase.py").write_text(
        "import _nb_snapshot\n\ndef handler(event, context):\n    return _nb_snapshot.phase()\n"
    )
    found = run_group(contender, [Case(name="phase", handler="phase.handler")])["phase"]
    assert found.sent[0].body == "2", "no restored process"
    return _runner(contender)


@pytest.fixture(scope="session")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The program cross-built for arm64, under qemu-user (itself where the tests run on arm64)."""
    emulator: tuple[str, ...] = ()
    if platform.machine() != "aarch64":
        qemu = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
        if qemu is None:
            pytest.skip("qemu-user-static is not installed")
        emulator = (qemu,)
    options = ("--arch", "arm64", "--snapshot", "off")
    bootstrap = _build(tmp_path_factory.mktemp("dist-arm64"), *options)
    return _runner(contenders.compiled(bootstrap, tmp_path_factory.mktemp("task"), emulator))


@pytest.fixture(scope="session")
def compiled_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bootstrap with all handler modules; `$NATIVE_BOOTSTRAP_DIFFERENTIAL_BOOTSTRAP` or new.

    The interpreter in its snapshot has read what every process of this suite is given.
    """
    given = os.environ.get("NATIVE_BOOTSTRAP_DIFFERENTIAL_BOOTSTRAP")
    seed = f"PYTHONHASHSEED={BASE_ENVIRONMENT['PYTHONHASHSEED']}"
    return Path(given) if given else _build(tmp_path_factory.mktemp("dist"), "--env", seed)


def _build(output: Path, *options: str) -> Path:
    """Build the bootstrap for this suite; `_HANDLER` chooses among its modules."""
    project = str(contenders.FUNCTIONS)
    command = [sys.executable, "-m", "native_bootstrap", "build", "everything.handler"]
    done = subprocess.run(
        [*command, "--project", project, "--output", str(output), *options],
        cwd=contenders.REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_MINUTES * 60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return output / "bootstrap"


def _runner(contender: contenders.Contender) -> Runner:
    """Outcomes by case; a group of cases runs when the first of them is asked for."""
    groups: dict[tuple[object, ...], list[Case]] = {}
    for case in CASES:
        groups.setdefault(case.group, []).append(case)

    @functools.cache
    def outcomes(group: tuple[object, ...]) -> dict[str, Outcome]:
        return run_group(contender, groups[group])

    return lambda case: outcomes(case.group)[case.name]
