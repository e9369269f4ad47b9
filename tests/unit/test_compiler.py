"""Bytecode: right, reproducible, cached."""

from __future__ import annotations

import marshal
import sys
import zlib
from pathlib import Path

import pytest

from build_scripts import compiler, log
from build_scripts.modules import scan
from native_bootstrap.errors import ToolError

pytestmark = [
    pytest.mark.subprocesses,
    pytest.mark.skipif(
        sys.version_info < (3, 11), reason="code objects have another layout before 3.11"
    ),
]
FILES = {
    "app.py": "import os\nNAMES = {'a', 'b', 'c'}\ndef f(x): return x in {'one', 'two', 'six'}\n",
    "pkg/__init__.py": "from .mod import *\n",
    "pkg/mod.py": "def where(): return __file__, where.__code__.co_filename\n",
    "pkg/latin.py": "# coding: latin-1\nx = 'é'\n",
}


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path / "one")


def fill(folder):
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="latin-1" if "latin" in name else "utf-8")
    return folder


def run(folder, **options):
    found = scan(folder).modules
    options.setdefault("content", compiler.content_of(found))
    return compiler.compile_modules(
        found, python=Path(sys.executable), python_key="this", log=log.quiet(), **options
    )


def test_code_and_sources(folder):
    store = run(folder, keep_sources=True)
    assert set(store.modules) == {"app", "pkg", "pkg.mod", "pkg.latin"}
    module = store.modules["pkg.mod"]
    raw = store.read(module.raw)
    assert zlib.decompress(store.read(module.deflated)) == raw
    scope = {"__name__": "pkg.mod", "__file__": "here"}
    exec(marshal.loads(raw), scope)
    assert scope["where"]() == ("here", "/var/task/pkg/mod.py")
    packed = store.read(module.source)
    assert zlib.decompress(packed[4:]).decode() == FILES["pkg/mod.py"]
    assert len(FILES["pkg/mod.py"]) == int.from_bytes(packed[:4], "little")
    assert store.modules["pkg"].is_package
    assert not module.is_package


def test_another_prefix(folder):
    store = run(folder, prefix="/var/lang/lib/python3.13/")
    assert store.modules["app"].path == "/var/lang/lib/python3.13/app.py"
    code = marshal.loads(store.read(store.modules["app"].raw))
    assert code.co_filename == "/var/lang/lib/python3.13/app.py"
    assert store.modules["app"].source is None


def test_the_same_bytes_from_another_folder_and_another_company(folder, tmp_path, monkeypatch):
    first = run(folder)
    other = fill(tmp_path / "two")
    (other / "more.py").write_text("NAMES = ('a', 'one', 'x', 'where')\n")
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    second = run(other)
    assert second.key != first.key
    for name, module in first.modules.items():
        assert second.read(second.modules[name].raw) == first.read(module.raw), name


def test_results_are_used_again(folder, monkeypatch):
    first = run(folder)
    monkeypatch.setattr(compiler, "_compile", lambda *a: pytest.fail("compiled again"))
    assert run(folder).modules == first.modules
    (folder / "app.py").write_text("x = 1\n")
    with pytest.raises(pytest.fail.Exception):
        run(folder)


def test_a_damaged_entry_is_made_again(folder, tmp_path):
    first = run(folder)
    expected = first.read(first.modules["app"].raw)
    (entry,) = (tmp_path / "cache/modules").iterdir()
    data = bytearray((entry / "data").read_bytes())
    data[100] ^= 255
    (entry / "data").write_bytes(data)
    again = run(folder)
    assert again.read(again.modules["app"].raw) == expected
    for module in again.modules.values():
        marshal.loads(again.read(module.raw))


def test_many_sources_are_shared_out(folder, monkeypatch):
    whole = run(folder)
    monkeypatch.setattr(compiler, "SMALL", 1)
    monkeypatch.setattr(compiler.os, "cpu_count", lambda: 3)
    parts = run(folder, content="other")
    assert list(parts.modules) == list(whole.modules)
    for name, module in whole.modules.items():
        assert parts.read(parts.modules[name].raw) == whole.read(module.raw)


def test_problems_are_told_per_module(folder):
    (folder / "bad.py").write_text("def f(:\n")
    store = run(folder)
    assert store.modules["bad"].facts.problem
    assert store.modules["bad"].raw is None
    assert store.modules["app"].raw


def test_an_empty_set_needs_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "_compile", lambda *a: pytest.fail("compiled"))
    assert run(tmp_path, content="") is compiler.EMPTY


def test_a_failing_compiler_leaves_nothing(folder, tmp_path):
    with pytest.raises(ToolError, match="bytecode compiler"):
        compiler.compile_modules(
            scan(folder).modules,
            python=Path("/bin/false"),
            python_key="x",
            content="x",
            log=log.quiet(),
        )
    assert list((tmp_path / "cache/modules").iterdir()) == []
