"""Every tests/functions/bad-* folder gives the message and the exit code that it expects."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from wheels import make_wheel

from build_scripts import dependencies, log, project, targets
from native_bootstrap.errors import FatalError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FUNCTIONS = Path(__file__).parents[1] / "functions"
FOLDERS = sorted(  # bad-snapshot-* are no mistakes of the project
    folder for folder in FUNCTIONS.glob("bad-*") if not folder.name.startswith("bad-snapshot-")
)


def expected(folder):
    return tomllib.loads((folder / "expect.toml").read_text())


@pytest.mark.subprocesses
@pytest.mark.parametrize(
    "folder", [f for f in FOLDERS if 10 <= expected(f)["status"] < 20], ids=str
)
def test_faults_of_the_project(folder):
    wanted = expected(folder)
    with pytest.raises(FatalError) as caught:
        project.load(
            folder,
            wanted["handler"],
            log=log.quiet(),
            python=Path(sys.executable),
            python_key=sys.version,
        )
    check(caught.value, wanted)


@pytest.mark.subprocesses
@pytest.mark.parametrize("folder", [f for f in FOLDERS if expected(f)["status"] >= 20], ids=str)
def test_faults_of_the_requirements(folder, tmp_path):
    wanted = expected(folder)
    copy = tmp_path / "project"
    shutil.copytree(folder, copy)
    native = {"needsc/__init__.py": "from needsc._fast import *\n", "needsc/_fast.so": "ELF"}
    make_wheel(copy / "wheels", "needsc", "1.0", native, tag="cp313-cp313-manylinux_2_28_x86_64")
    with pytest.raises(FatalError) as caught:
        dependencies.install(copy, targets.find("x86_64"), log=log.quiet(), compiling=False)
    check(caught.value, wanted)
    assert not list((tmp_path / "cache/dependencies").glob("*")), "nothing half-written is left"


def check(error, wanted):
    assert error.exit_code == wanted["status"]
    assert wanted["message"] in error.message
    assert wanted["hint"] in error.hint


def test_there_is_a_folder_per_error():
    assert {expected(folder)["status"] for folder in FOLDERS} >= {*range(11, 19), 20, 21}
