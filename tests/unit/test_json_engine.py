"""Which orjson a program gets; from wheels made on the spot: no network."""

from __future__ import annotations

import hashlib
import re

import orjson
import pytest
from wheels import make_elf, make_wheel

from build_scripts import dependencies, json_engine, log, options
from native_bootstrap.errors import NoUsableWheelError, ResolutionError

SO = "orjson/orjson.cpython-313-x86_64-linux-musl.so"
FILES = {"orjson/__init__.py": "from .orjson import *\n", SO: make_elf()}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose packages come from its own folder; the pin is orjson 9.9, the one there."""
    folder = tmp_path / "project"
    wheel = make_wheel(folder / "wheels", "orjson", "9.9", FILES)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pinned = tmp_path / "orjson.txt"
    pinned.write_text(f"--only-binary orjson\norjson==9.9 --hash=sha256:{digest}\n")
    monkeypatch.setattr(json_engine, "PINNED", pinned)
    (folder / "requirements.txt").write_text("--no-index\n--find-links ./wheels\n# nothing\nx")
    return folder


def choose(folder, *extensions, **given):
    asked = options.resolve({"project": folder, "arch": "x86_64", **given}, environ={})
    return json_engine.choose(asked, set(extensions), log=log.quiet())


@pytest.mark.subprocesses
def test_a_copy_that_nobody_can_import(project):
    engine = choose(project, "app", "orjson")  # a module of that name is not orjson yet
    assert engine.setting == f"native_bootstrap/runtime/{SO.rpartition('/')[2]}"
    assert engine.label == "orjson 9.9"
    (copy,) = engine.shared
    assert (copy.path, copy.module, copy.package) == (engine.setting, "", "orjson 9.9")
    assert copy.file.read_bytes() == FILES[SO]
    assert engine.site in copy.file.parents


@pytest.mark.subprocesses
def test_the_second_time_it_comes_from_the_cache(project):
    first = choose(project)
    next((project / "wheels").iterdir()).unlink()
    assert choose(project) == first


def test_the_projects_own_wins(project, monkeypatch):
    monkeypatch.setattr(dependencies, "install", lambda *a, **k: pytest.fail("installed"))
    assert choose(project, "app", "orjson.orjson") == json_engine.OWN


def test_it_can_be_left_out(project, monkeypatch):
    monkeypatch.setattr(dependencies, "install", lambda *a, **k: pytest.fail("installed"))
    assert choose(project, "orjson.orjson", json="stdlib") == json_engine.STDLIB
    (project / "pyproject.toml").write_text('[tool.native-bootstrap]\njson = "stdlib"\n')
    assert choose(project) == json_engine.STDLIB


@pytest.mark.subprocesses
def test_a_project_with_packages_of_its_own_need_not_have_it(project):
    """--no-index: nothing may come from elsewhere."""
    (project / "wheels").rename(project / "elsewhere")
    (project / "wheels").mkdir()
    assert choose(project) == json_engine.STDLIB
    with pytest.raises((ResolutionError, NoUsableWheelError)) as caught:
        choose(project, json="orjson")
    assert caught.value.message.startswith("orjson, the runtime's JSON engine, cannot be installed")
    assert "--json stdlib" in caught.value.hint


@pytest.mark.subprocesses
def test_another_wheel_of_that_version_is_not_taken(project):
    make_wheel(project / "wheels", "orjson", "9.9", {**FILES, "orjson/other.py": ""})
    with pytest.raises((ResolutionError, NoUsableWheelError), match=r"(?i)hash"):
        choose(project, json="orjson")


def test_the_pin_is_the_version_that_is_tested():
    """A wheel for each architecture."""
    text = json_engine.PINNED.read_text()
    assert f"orjson=={orjson.__version__} " in text
    assert len(set(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", text))) == 2
