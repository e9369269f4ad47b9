"""Packages that are compiled here, because there is no wheel of theirs for the target."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from support import FUNCTIONS, assert_one_message, build_native

from build_scripts import cache
from build_scripts.toolchain import zig

COMPILED = FUNCTIONS / "compiled"


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_c_and_c_plus_plus(tmp_path, arch):
    """From sources whose assertions name their files; and again when a source has changed."""
    sources = shutil.copytree(COMPILED, tmp_path / "sources")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"numbers": [1, 2, 39], "words": ["b", "c", "a"]}))
    output = tmp_path / "out"
    build = (
        *("build", "app.handler", "--project", sources / "app", "--output", output),
        *("--arch", arch, "--invoke", event),
    )
    # For another machine than the target.
    result = build_native(*build, CFLAGS="-march=native -DWRONG", CPATH="/usr/include")
    assert result.status == 0, result.err
    answer = json.loads(result.out.splitlines()[-1])
    assert answer == {"sum": 42, "sorted": "a b c ", "caught": "stoi: no conversion"}
    report = json.loads((output / "report.json").read_text())
    (package,) = report["packages"]
    assert (package["name"], package["why"]) == ("fast", "compiled here from its source")
    assert package["compiled"] == 2
    assert "compiled here from source: fast" in result.out
    program = (output / "bootstrap").read_bytes()
    assert b"fast.c" in program
    for folder in (cache.root(), sources, zig().parent):
        assert f"{folder}/".encode() not in program, folder
    assert not re.search(rb"native-bootstrap-[0-9a-f]{16}|builds-v0", program)  # private folders

    source = sources / "library" / "fast.c"
    source.write_text(source.read_text().replace("long long sum = 0;", "long long sum = 100;"))
    result = build_native(*build)
    assert json.loads(result.out.splitlines()[-1])["sum"] == 142


def test_a_source_that_wants_a_library_of_the_system(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(COMPILED / "app" / "app.py", project)
    shutil.copytree(COMPILED / "lacking", tmp_path / "lacking")
    (project / "requirements.txt").write_text("../lacking\n")
    result = build_native("build", "app.handler", cwd=project)
    assert_one_message(
        result,
        21,
        "lacking has compiled parts and no musllinux wheel",
        "compiling its source failed: lacking.c:1:10: fatal error: "
        "'of_the_system/library.h' file not found",
        "  hint: ",
    )
    kept = result.err.rpartition("kept: ")[2].strip()
    assert "of_the_system/library.h" in Path(kept).read_text()
    assert not (project / "dist").exists()
