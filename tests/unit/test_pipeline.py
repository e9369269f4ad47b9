"""What a stage takes from an earlier build, and when it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_scripts import codegen, link, package, pipeline, process
from build_scripts.log import quiet
from build_scripts.snapshot import take
from native_bootstrap.errors import ToolError


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "program"
    file.write_bytes(b"\x7fELF")
    return link.Program(stripped=file, debug=file, key="0123")


def test_results_follow_no_link(tmp_path, program):
    victim, output = tmp_path / "victim", tmp_path / "out"
    victim.write_text("mine")
    output.mkdir()
    (output / ".bootstrap.partial").symlink_to(victim)
    (output / "bootstrap").symlink_to(victim)
    snapshot = take.without(program)
    pipeline._publish(output, program, snapshot, package.cached(program.stripped, program.key, []))
    assert victim.read_text() == "mine"
    assert (output / "bootstrap").read_bytes() == b"\x7fELF"


class Compiler:
    """Notes what it is asked to compile."""

    key = "compiler"

    def __init__(self):
        self.compiled = []

    def env(self, **extra):
        return extra

    def compile(self, source, output, **_):
        self.compiled.append(source.name)
        output.write_bytes(b"object")


def test_other_headers_make_other_objects(tmp_path):
    (tmp_path / "constants.bin").write_bytes(b"")
    (tmp_path / "module.app.c").write_text('#include "Python.h"')
    compiler = Compiler()
    for key in ("one", "one", "two"):
        codegen.compile_umbrella(
            tmp_path, [], toolchain=compiler, include=tmp_path, include_key=key, log=quiet()
        )
    assert compiler.compiled.count("module.app.c") == 2


@pytest.mark.subprocesses
@pytest.mark.parametrize(
    ("name", "reason"), [("garbage", "Exec format error"), (".", "Permission denied")]
)
def test_a_program_that_cannot_start(tmp_path, name, reason):
    (tmp_path / "garbage").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "garbage").chmod(0o755)
    with pytest.raises(ToolError, match=f"could not start .*{reason}"):
        process.run([tmp_path / name], log=quiet())


@pytest.mark.subprocesses
def test_a_missing_folder_is_not_a_missing_program(tmp_path):
    with pytest.raises(ToolError, match=r"No such file or directory: .*nowhere"):
        process.run(["true"], log=quiet(), cwd=tmp_path / "nowhere")
    with pytest.raises(ToolError, match="no-such-tool is not installed"):
        process.run(["no-such-tool"], log=quiet(), cwd=Path(tmp_path))
