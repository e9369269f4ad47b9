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


def test_the_second_table_and_other_functions_for_a_name():
    own = {"nb_vcpu_sysconf", "nb_vcpu_", "main_loop"}
    instead = symbols.substitutes(own)
    assert instead["sysconf"] == "nb_vcpu_sysconf"
    text = symbols.table_source(["inflate", "sysconf", "abs"], last={"inflate"}, instead=instead)
    first, last = text.split("nb_symtab_last[]")
    assert '{"abs", at_abs}' in first
    assert 'at_sysconf[] __asm__("nb_vcpu_sysconf");' in first
    assert '{"sysconf", at_sysconf}' in first
    assert '{"inflate", at_inflate}' in last
    assert "nb_symtab_count = 2;" in text
    assert "nb_symtab_last_count = 1;" in text


def test_names_of_large_files_are_the_plain_functions():
    text = symbols.table_source(["open64", "open", "int64"])
    assert 'at_open64[] __asm__("open");' in text
    assert 'at_int64[] __asm__("int64");' in text


@pytest.mark.subprocesses
def test_what_libraries_answer_for(tmp_path):
    """zlib and libgcc's helpers come after an object's own libraries, whoever else has them."""
    from build_scripts.log import quiet
    from build_scripts.targets import find
    from build_scripts.toolchain import Toolchain

    toolchain = Toolchain(find("x86_64"), tmp_path / "work")
    hidden = '__attribute__((visibility("hidden"))) '
    made = {}
    for name, text in {
        "libpython.a": "void Py_Main(void) {} void crc32(void) {}",
        "libc.a": "void puts(void) {} void __udivti3(void) {}",
        "libz.a": "void crc32(void) {} void inflate(void) {}",
        "libzigc.a": f"{hidden}void qsort(void) {{}}",
        "libcompiler_rt.a": f"{hidden}void cos(void) {{}} {hidden}void __popcountdi2(void) {{}}",
    }.items():
        source = tmp_path / f"{name}.c"
        source.write_text(text)
        flags = ("-ffreestanding", "-w", "-fno-builtin")
        compiled = toolchain.compile(source, tmp_path / f"{name}.o", flags=flags, log=quiet())
        made[name] = toolchain.archive(tmp_path / name, [compiled], log=quiet())
    found = symbols.library_names(made["libpython.a"], tmp_path, made["libz.a"])
    assert found.first == {"Py_Main", "crc32", "puts", "__udivti3", "qsort", "cos"}
    assert found.last == {"inflate", "__popcountdi2"}
    assert found.every == found.first | found.last


@pytest.mark.parametrize("content", [b"", b"text", b"\x7fELF", b"!<arch>\n" + b"x" * 100])
def test_what_is_not_elf(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ToolError, match=r"not a readable|is damaged"):
        list(symbols.symbols(path))


def test_symbol_layout():
    assert symbols.SYMBOL.size == struct.calcsize("<IBBHQQ") == 24
