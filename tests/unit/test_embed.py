"""Shared objects in the program: what they need of it, and the tables that the C core reads."""

from __future__ import annotations

import re
import subprocess

import pytest

from build_scripts import embed, log
from build_scripts.modules import SharedObject
from native_bootstrap.errors import ToolError, UndefinedSymbolError


def library(path, *, strong=(), weak=(), defined=(), libraries=(), soname="", package="", tls=0):
    return embed.Library(
        path=path,
        package=package,
        content=b"x" * 10,
        soname=soname,
        libraries=tuple(libraries),
        strong=frozenset(strong),
        weak=frozenset(weak),
        defined=frozenset(defined),
        tls=tls,
    )


def test_what_libraries_have_among_themselves_is_not_asked_of_the_program():
    found = embed.demand(
        [
            library("p/x.so", strong={"malloc", "solve", "deep"}, libraries=["liba-1f.so.3"]),
            library("p.libs/liba-1f.so.3", defined={"solve"}, libraries=["libdeep.so"]),
            library("p.libs/libdeep-77.so", defined={"deep"}, soname="libdeep.so"),
        ],
        {"malloc", "solve", "free"},
    )
    assert found.names == {"malloc"}
    assert found.warnings == ()


def test_a_library_that_is_not_asked_for_does_not_hide_the_program():
    found = embed.demand(
        [library("a.so", strong={"inflate"}), library("b.so", defined={"inflate"})], {"inflate"}
    )
    assert found.names == {"inflate"}


def test_weak_names_may_be_missing_and_are_found_where_they_are():
    found = embed.demand([library("a.so", weak={"there", "gone"})], {"there"})
    assert found.names == {"there"}


def test_a_name_that_only_a_stranger_has_may_be_there_in_time():
    found = embed.demand([library("a.so", strong={"x"}), library("b.so", defined={"x"})], set())
    assert found.names == set()


def test_libraries_that_need_each_other():
    rows = [
        library("liba.so", strong={"b", "puts"}, defined={"a"}, libraries=["libb.so"]),
        library("libb.so", strong={"a"}, defined={"b"}, libraries=["liba.so"]),
    ]
    assert embed.demand(rows, {"puts"}).names == {"puts"}


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        (
            library("p/x.so", strong={"odd", "malloc"}, package="numpy 2.0"),
            "p/x.so (numpy 2.0) needs the symbol odd, which neither the program nor a library that "
            "comes with it has",
            "--exclude p/x.so",
        ),
        (
            library("x.so", strong={f"s{n}" for n in range(7)}),
            "x.so needs the symbols s0, s1, s2, s3, s4 and 2 more, which",
            "--exclude",
        ),
        (
            library("x.so", strong={"gnu_get_libc_version"}, libraries=["libc.so.6"], package="p"),
            "the symbol gnu_get_libc_version",
            "been built for glibc",
        ),
    ],
)
def test_a_symbol_that_nobody_has(row, message, hint):
    with pytest.raises(UndefinedSymbolError) as caught:
        embed.demand([row], {"malloc"})
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_library_of_a_layer_is_only_a_warning():
    row = library("cv.so", strong={"glClear"}, libraries=["libGL.so.1", "libc.so"], package="cv 4")
    found = embed.demand([row], set())
    assert found.warnings == ("cv.so (cv 4) needs libGL.so.1, which must come from a layer",)


def test_the_block_of_the_main_thread():
    plain = embed.tls_size([], loads_more=False)
    assert plain % 4096 == 0
    assert plain >= embed.RESERVE + embed.OWN_TLS
    rows = [library("a.so", tls=100_000), library("b.so", tls=50_000)]
    assert embed.tls_size(rows, loads_more=False) >= plain + 150_000 - 4096
    more = embed.tls_size(rows, loads_more=True) - embed.tls_size(rows, loads_more=False)
    assert more == embed.LARGE_RESERVE - embed.RESERVE
    assert "nb_tls_block[8192] __attribute__((aligned(4096)));" in embed.tls_block(8192)


def test_the_table_is_sorted_by_bytes_and_quoted():
    rows = [library(path) for path in ("b/é.so", "b.so", "B.so", 'a"\\?.so')]
    text = embed.table_source(rows, {"b.so": (7, 4096)})
    paths = re.findall(
        r'^    \{("(?:[^"\\]|\\.)*"), nb_embedded_(\d), 10, (\w+), (\d)\}', text, re.MULTILINE
    )
    assert [path for path, *_ in paths] == [
        '"B.so"', r'"a\042\134\077.so"', '"b.so"', r'"b/\303\251.so"',
    ]  # fmt: skip
    assert [number for _, number, *_ in paths] == ["0", "1", "2", "3"]
    assert paths[2][2:] == ("nb_cpuid_2", "2")
    assert paths[0][2:] == ("0", "0")
    assert "nb_cpuid_2[] = {7, 4096};" in text
    assert "nb_embedded_count = 4;" in text


def test_stand_ins_lie_where_the_objects_would():
    (found,) = embed.stand_ins([SharedObject(path="p/x.so", file=None)])
    assert found.path == "p/x.so"
    assert b"bootstrap" in found.file.read_bytes()


SOURCE = """
extern int outside(void); extern __attribute__((weak)) int perhaps(void);
__thread int counter = 3; static __thread volatile char room[4096] __attribute__((aligned(64)));
int inside(void) { return outside() + (perhaps ? perhaps() : 0) + counter++ + room[counter]; }
"""


@pytest.fixture
def made(tmp_path):
    """A shared object from the real tools, with debug information."""
    from build_scripts.targets import find
    from build_scripts.toolchain import Toolchain, zig

    toolchain = Toolchain(find("x86_64"), tmp_path / "work")
    source = tmp_path / "x.c"
    source.write_text(SOURCE)
    flags = ("-fPIC", "-g", "-O1")
    compiled = toolchain.compile(source, tmp_path / "x.o", flags=flags, log=log.quiet())
    target = tmp_path / "libx.so"
    link = [zig(), "ld.lld", "-shared", "-soname=libx.so.1", "-o", target, compiled]
    subprocess.run(link, check=True, env=toolchain.env())
    return target


@pytest.mark.subprocesses
def test_a_real_shared_object(made):
    found = embed.read(SharedObject(path="p/libx.so", file=made, package="p 1"))
    assert (found.soname, found.names) == ("libx.so.1", {"libx.so.1", "libx.so"})
    assert found.strong == {"outside", "__tls_get_addr"}
    assert found.weak == {"perhaps"}
    assert {"inside", "counter"} <= found.defined
    assert found.tls >= 4096 + 4 + 64
    program = {"outside", "other", "__tls_get_addr"}
    assert embed.demand([found], program).names == {"outside", "__tls_get_addr"}


@pytest.mark.subprocesses
def test_only_what_no_loader_reads_is_cut_off(made):
    from elftools.elf.elffile import ELFFile

    data = made.read_bytes()
    content = embed.read(SharedObject(path="libx.so", file=made)).content
    assert len(content) < len(data) / 2  # debug information and symbols are gone
    whole, cut = ELFFile(made.open("rb")), __import__("io").BytesIO(content)
    with whole.stream:
        assert ELFFile(cut).num_sections() == 0
        for before, after in zip(whole.iter_segments(), ELFFile(cut).iter_segments(), strict=True):
            assert before.header == after.header
            start = 64 if before["p_offset"] == 0 else 0  # the ELF header has changed
            assert before.data()[start:] == after.data()[start:]
    assert embed.trimmed(content, [(0, len(content))]) == content  # nothing more to cut


@pytest.mark.subprocesses
def test_assembly_has_every_byte_at_a_page(made, tmp_path):
    from build_scripts import symbols
    from build_scripts.targets import find
    from build_scripts.toolchain import Toolchain

    rows = [embed.read(SharedObject(path=path, file=made)) for path in ("b.so", "a.so")]
    source = tmp_path / "objects.S"
    source.write_text(embed.assembly(rows, tmp_path, "0"))
    toolchain = Toolchain(find("x86_64"), tmp_path / "work")
    target = toolchain.compile(source, tmp_path / "objects.o", log=log.quiet())
    elf = symbols.open_elf(target.read_bytes(), target)
    section = elf.get_section_by_name(".nb_embedded")
    assert section["sh_addralign"] == 4096
    assert section["sh_flags"] == 2  # allocated, neither writable nor executable
    for name in ("nb_embedded_0", "nb_embedded_1"):
        (symbol,) = elf.get_section_by_name(".symtab").get_symbol_by_name(name)
        assert symbol["st_value"] % 4096 == 0
        assert section.data()[symbol["st_value"] :].startswith(rows[0].content)


def test_what_is_no_elf_file(tmp_path):
    file = tmp_path / "x.so"
    file.write_text("INPUT(libx.so.1)\n")
    with pytest.raises(ToolError, match=r"p/x\.so is not a readable ELF file"):
        embed.read(SharedObject(path="p/x.so", file=file))
