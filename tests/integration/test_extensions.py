"""Shared objects of the project itself, made here for the target: embedded, loaded, missed."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import lambda_like
import pytest
from support import FUNCTIONS, assert_one_message, build_native

from build_scripts import log, pack, targets
from build_scripts.toolchain import Toolchain, zig

SOURCES = FUNCTIONS / "extensions"


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Compiles and links shared objects as wheels for musl have them."""

    toolchain: Toolchain
    found: pack.Pack
    scratch: Path

    def object(self, source: Path) -> Path:
        folders = (self.found.include, self.found.root / "include")
        flags = ("-fPIC", "-O1", "-g", *(f"-I{folder}" for folder in folders))
        target = self.scratch / f"{source.stem}.o"
        return self.toolchain.compile(source, target, flags=flags, log=log.quiet())

    def link(self, output: Path, *inputs: str | Path) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        command = [zig(), "ld.lld", "-shared", "--eh-frame-hdr", "-o", output, *inputs]
        subprocess.run(command, check=True, env=self.toolchain.env())


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("objects")
    target = targets.host()
    found = pack.ensure(target, log=log.quiet())
    return Maker(toolchain=Toolchain(target, scratch / "zig"), found=found, scratch=scratch)


def fill(project: Path, maker: Maker) -> Path:
    """The project with its extension module, which finds its library through $ORIGIN."""
    shutil.copytree(SOURCES, project, ignore=shutil.ignore_patterns("*.c", "__pycache__"))
    helper = project / "pkg/lib/libhelper.so.1"
    maker.link(helper, "-soname=libhelper.so.1", maker.object(SOURCES / "helper.c"))
    maker.link(project / "lib/libown.so.2", maker.scratch / "helper.o")
    suffix = f".cpython-313-{targets.host().machine}-linux-musl.so"
    module = maker.object(SOURCES / "fast.c")
    maker.link(project / f"pkg/fast{suffix}", "-rpath=$ORIGIN/lib", module, helper)
    return project


@pytest.fixture(scope="module")
def built(maker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extensions")
    project = fill(folder / "project", maker)
    arguments = ("--project", project, "--output", folder / "out", "--snapshot", "off")
    result = build_native("build", "app.handler", *arguments)
    assert result.status == 0, result.err
    return folder / "out"


def test_an_extension_module_and_its_library(built, tmp_path):
    task = lambda_like.unpack(built, tmp_path / "task")
    (answer,) = lambda_like.run(task, [[1, 21]]).answers
    suffix = f".cpython-313-{targets.host().machine}-linux-musl.so"
    assert answer == {
        "twice": [2, 42],
        "facts": {"calls": 2, "crc": zlib.crc32(b"abc"), "weak": False},
        "thread": [1],  # thread-local variables begin anew
        "by_path": [4, 3],
        "by_name": ["/var/task/lib/libown.so.2", 8, "libc.so.6"],
        "file": f"/var/task/pkg/fast{suffix}",
        "exists": True,
        "loader": "ExtensionFileLoader",
        "modules": ["fast"],
        "twin": None,
    }


def test_where_they_are(built):
    facts = json.loads((built / "report.json").read_text())
    own = {row["path"]: row for row in facts["shared_objects"] if row["path"].startswith("pkg/")}
    suffix = f".cpython-313-{targets.host().machine}-linux-musl.so"
    assert sorted(own) == [f"pkg/fast{suffix}", "pkg/lib/libhelper.so.1"]
    assert {row["package"] for row in own.values()} == {""}
    sizes = facts["sizes"]
    assert sum(row["size"] for row in own.values()) <= sizes["shared_objects"] < sizes["bootstrap"]
    with zipfile.ZipFile(built / "function.zip") as archive:
        for path in own:  # a line in their place, so that who looks for them finds something
            assert archive.read(path).startswith(b"This library is inside the program")
        assert b"helper_twice" in archive.read("bootstrap")


def test_a_symbol_that_nobody_has(maker, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(SOURCES, project, ignore=shutil.ignore_patterns("*.c", "__pycache__"))
    maker.link(project / "pkg/fast.abi3.so", maker.object(SOURCES / "fast.c"))
    output = tmp_path / "out"
    arguments = ("--project", project, "--output", output, "--snapshot", "off")
    result = build_native("build", "app.handler", *arguments)
    words = ("pkg/fast.abi3.so needs the symbol helper_twice, which neither", "--exclude")
    assert_one_message(result, 23, *words)
    assert not output.exists()
