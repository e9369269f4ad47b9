"""Real packages from the package index, as wheels of both targets."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import uv

from build_scripts import dependencies, elf_checks, log, targets
from native_bootstrap.errors import NoUsableWheelError, ResolutionError

# What downloads 200 MB or takes ten seconds only when asked for.
EVERY = "NB_TEST_PACKAGES" in os.environ
if_every = pytest.mark.skipif(not EVERY, reason="NB_TEST_PACKAGES=1 runs it")
SMALL = ("orjson", "pyyaml", "markupsafe", "cffi", "msgspec")
LARGE = ("numpy", "pandas", "pydantic", "cryptography", "lxml", "pillow", "psycopg2-binary")
PROJECT = """[project]
name = "locked"
version = "1"
requires-python = ">=3.10"
dependencies = ["markupsafe==3.0.2", "pymongo==4.10.1"]
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Everything is resolved; what uv has downloaded stays."""
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def install(project, *lines, arch="x86_64", **options):
    if lines:
        (project / "requirements.txt").write_text("\n".join([*lines, ""]))
    return dependencies.install(project, targets.find(arch), log=log.quiet(), **options)


def run_uv(project, *words):
    command = [uv.find_uv_bin(), *words]
    subprocess.run(command, cwd=project, check=True, capture_output=True)


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_wheels_of_the_target(project, arch):
    names = (*SMALL, *LARGE) if EVERY else SMALL
    found = install(project, *names, arch=arch)
    target = targets.find(arch)
    about = {package.name.lower(): package for package in found.packages}
    for name in names:
        package = about[name]
        if name == "pydantic":
            package = about["pydantic_core"]
        assert package.tags[0].endswith(target.machine), package
        assert "musllinux" in package.tags[0]
        assert package.compiled
        assert not package.fell_back
    modules = {item.module for item in found.shared_objects}
    assert {"orjson.orjson", "yaml._yaml", "markupsafe._speedups", "_cffi_backend"} <= modules
    assert found.warnings == ()
    for item in found.shared_objects:
        assert elf_checks.read(item.file, target).problem == ""


@if_every
def test_only_manylinux_wheels_and_no_source(project):
    with pytest.raises(NoUsableWheelError) as caught:
        install(project, "onnxruntime==1.20.1")
    message = (
        "onnxruntime 1.20.1 has compiled parts and no musllinux wheel for Python 3.13 on x86_64"
    )
    assert caught.value.message.startswith(message)
    assert "take another package: no version of it has one" in caught.value.hint


@if_every
def test_an_old_version_of_a_package_that_has_wheels_now(project):
    """Its source needs a compiler."""
    with pytest.raises(NoUsableWheelError) as caught:
        install(project, "msgspec==0.18.0")
    assert caught.value.message.startswith("msgspec 0.18.0 has compiled parts and no musllinux")
    assert caught.value.hint.startswith("it has one in version ")


@if_every
def test_only_a_source_that_needs_a_compiler(project):
    with pytest.raises(
        NoUsableWheelError, match=r"^psycopg2 2\.9\.10 has compiled parts"
    ) as caught:
        install(project, "psycopg2==2.9.10")
    assert caught.value.hint.startswith("take psycopg2-binary, which does the same and has one")


@pytest.mark.parametrize(
    "kind",
    ["uv.lock", *(pytest.param(kind, marks=if_every) for kind in ("pylock.toml", "hashes"))],
)
def test_locked_projects(project, kind):
    """Wheels of the target by their hashes, and PyMongo, which has none for musl, without code."""
    (project / "pyproject.toml").write_text(PROJECT)
    run_uv(project, "lock", "--python", sys.executable)
    file = {"uv.lock": "uv.lock", "pylock.toml": "pylock.toml", "hashes": "requirements.txt"}[kind]
    if kind != "uv.lock":
        run_uv(project, "export", "--no-emit-project", "-o", file)
    found = {package.name: package for package in install(project).packages}
    assert found["MarkupSafe"].compiled
    assert found["MarkupSafe"].version == "3.0.2"
    assert found["pymongo"].fell_back
    assert found["pymongo"].reason == "its imports are guarded"
    assert "dnspython" in found
    wrong = re.sub(
        r"""(sha256(?::| = "))[0-9a-f]{8}""", r"\g<1>00000000", (project / file).read_text()
    )
    (project / file).write_text(wrong)
    with pytest.raises(ResolutionError, match=f"not the one that {file} names by its hash"):
        install(project, refresh=True)
