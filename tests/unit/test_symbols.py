"""Reading symbols of objects and archives, and the table for dlsym."""

from __future__ import annotations

import struct

import pytest

from build_scripts import symbols
from native_bootstrap.errors import ToolError

SOURCE = """
int shown = 1; __attribute__((visibility("hidden"))) int kept = 2; static int own = 3;
__thread int local_to_thread; __attribute__((weak)) int maybe(void) { return own; }
extern int far(void); extern __attribute__((weak)) int perhaps(void);
int call(void) { return far() + (perhaps ? perhaps() : 0) + maybe() + shown + kept; }
"""


@pytest.fixture
def made(tmp_path):
    """An object and an archive of two, made by the real compiler."""
    from build_scripts.log import quiet
    from build_scripts.targets import find
    from build_scripts.toolchain import Toolchain

    toolchain = Toolchain(find("x86_64"), tmp_path / "work")
    one, two = tmp_path / "one.c", tmp_path / "a_second_file_with_a_long_name.c"
    one.write_text(SOURCE)
    two.write_text("int far(void) { return 1; }\n")
    objects = [
        toolchain.compile(path, path.with_suffix(".o"), flags=("-O0",), log=quiet())
        for path in (one, two)
    ]
    archive = toolchain.archive(tmp_path / "both.a", objects, log=quiet())
    return objects[0], archive


@pytest.mark.subprocesses
def test_object_and_archive(made):
    one, archive = made
    assert symbols.defined(one) == {"shown", "maybe", "call"}
    assert symbols.defined(one, hidden=True) == {"shown", "maybe", "call", "kept"}
    assert symbols.needed(one) == ({"far"}, {"perhaps"})
    assert symbols.defined(archive) == {"shown", "maybe", "call", "far"}
    assert symbols.needed(archive) == (set(), {"perhaps"})


def test_table_is_sorted_by_bytes():
    text = symbols.table_source(["b", "B", "_a", "a10", "a2", "a2", "odd.name", "$x"])
    rows = [line.split('"')[1] for line in text.splitlines() if line.startswith('    {"')]
    assert rows == ["B", "_a", "a10", "a2", "b"]
    assert "nb_symtab_count = 5;" in text


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF", b"!<arch>\n" + b"x" * 100])
def test_what_is_not_elf(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ToolError, match=r"not a readable|is damaged"):
        list(symbols.symbols(path))


def test_symbol_layout():
    assert symbols.SYMBOL.size == struct.calcsize("<IBBHQQ") == 24
