"""What objects, archives and shared libraries define and need, and the table for ``dlsym``.

A static program has no dynamic symbol table. Its ``dlsym(NULL, name)`` searches a table made at
link time: sorted names with addresses, written here as C.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from elftools.elf.elffile import ELFFile

AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60
# Elf64_Sym: name, info, other, shndx, value, size. Read here by struct, because pyelftools takes
# 30 µs a symbol and libpython with libc has a hundred thousand.
SYMBOL = struct.Struct("<IBBHQQ")
LOCAL, GLOBAL, WEAK = 0, 1, 2
OBJECT, FUNCTION, TLS = 1, 2, 6
HIDDEN = (1, 2)  # STV_INTERNAL, STV_HIDDEN
UNDEFINED = 0
SUBSTITUTE = "nb_vcpu_"
# What musl's loader answers for with "64" behind it (lfs64_list in its ldso/dynlink.c, 1.2.5).
LARGE_FILE = (
    *("aio_cancel", "aio_error", "aio_fsync", "aio_read", "aio_return", "aio_suspend", "aio_write"),
    *("alphasort", "creat", "fallocate", "fgetpos", "fopen", "freopen", "fseeko", "fsetpos"),
    *("fstat", "fstatat", "fstatfs", "fstatvfs", "ftello", "ftruncate", "ftw", "getdents"),
    *("getrlimit", "glob", "globfree", "lio_listio", "lockf", "lseek", "lstat", "mkostemp"),
    *("mkostemps", "mkstemp", "mkstemps", "mmap", "nftw", "open", "openat", "posix_fadvise"),
    *("posix_fallocate", "pread", "preadv", "prlimit", "pwrite", "pwritev", "readdir", "scandir"),
    *("sendfile", "setrlimit", "stat", "statfs", "statvfs", "tmpfile", "truncate", "versionsort"),
)
# Libraries that the static program itself is: nb_dl_is_own() in native_bootstrap/core/nb_dl.c.
OWN = re.compile(
    r"libc\.so(\.6)?|libm\.so(\.6)?|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|libutil\.so\.1"
    r"|libcrypt\.so\.1|libz\.so(\.1)?|(libc\.musl-|ld-musl-|libpython3\.).*"
)
C_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """One global or weak symbol of an object."""

    name: str
    weak: bool
    hidden: bool
    defined: bool
    kind: int


def defined(path: Path, *, hidden: bool = False) -> set[str]:
    """The global names that an object or archive defines; with ``hidden`` those too.

    Thread-local variables are left out: they have no address.
    """
    return {
        symbol.name
        for symbol in symbols(path)
        if symbol.defined and symbol.kind != TLS and (hidden or not symbol.hidden)
    }


def needed(path: Path) -> tuple[set[str], set[str]]:
    """The names that an object, archive or shared library leaves to others: strong, weak."""
    every = list(symbols(path))
    own = {symbol.name for symbol in every if symbol.defined}
    missing = [symbol for symbol in every if not symbol.defined and symbol.name not in own]
    return (
        {symbol.name for symbol in missing if not symbol.weak},
        {symbol.name for symbol in missing if symbol.weak},
    )


def symbols(path: Path) -> Iterator[Symbol]:
    """All non-local symbols of an ELF file, or of each member of an archive."""
    data = path.read_bytes()
    pieces = members(data) if data.startswith(AR_MAGIC) else iter([data])
    for piece in pieces:
        yield from of_elf(open_elf(piece, path))


def open_elf(piece: bytes, path: Path | str) -> ELFFile:
    """``piece`` as an ELF file; ToolError, with ``path``, when it is none."""
    from elftools.common.exceptions import ELFError  # late: 25 ms that `pack path` need not pay
    from elftools.elf.elffile import ELFFile

    try:
        return ELFFile(BytesIO(piece))
    except ELFError as error:
        raise ToolError(f"{path} is not a readable ELF file or archive: {error}") from error


def members(data: bytes) -> Iterator[bytes]:
    """The members of a Unix archive, without its symbol index and name table (ar(5))."""
    at = len(AR_MAGIC)
    while at + AR_HEADER <= len(data):
        header = data[at : at + AR_HEADER]
        if not header[48:58].strip().isdigit():
            raise ToolError(f"an archive is damaged at byte {at}")
        size = int(header[48:58])
        body = at + AR_HEADER
        if header[:16].rstrip() not in (b"/", b"//", b"/SYM64/"):
            yield data[body : body + size]
        at = body + size + (size & 1)


def of_elf(elf: ELFFile) -> Iterator[Symbol]:
    """All non-local symbols; of a shared object, those that the dynamic loader sees."""
    table = elf.get_section_by_name(".dynsym" if elf["e_type"] == "ET_DYN" else ".symtab")
    if table is None:
        return
    strings = elf.get_section(table["sh_link"]).data()
    for name, info, other, section, _, _ in SYMBOL.iter_unpack(table.data()):
        binding = info >> 4
        if binding == LOCAL or not name:
            continue
        yield Symbol(
            name=strings[name : strings.index(b"\0", name)].decode(),
            weak=binding == WEAK,
            hidden=other & 3 in HIDDEN,
            defined=section != UNDEFINED,
            kind=info & 15,
        )


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the libraries of a program answer for.

    ``first`` are CPython's, libc's and libm's: no other library may stand in for them. ``last`` are
    zlib's and those that gcc expects of its own library: a shared object that brings these along,
    as most do, must get its own.
    """

    first: frozenset[str]
    last: frozenset[str]

    @property
    def every(self) -> frozenset[str]:
        return self.first | self.last


def library_names(libpython: Path, lib: Path, zlib: Path) -> Names:
    """The names that a program of these libraries can answer for (two seconds of reading)."""
    first = defined(libpython) | defined(lib / "libc.a")
    # Zig's own parts of libc are marked hidden, like everything it links statically; most of libm,
    # memcpy and its like are in its compiler-rt, beside what stands in for libgcc.
    first |= defined(lib / "libzigc.a", hidden=True)
    helpers = {name for name in defined(lib / "libcompiler_rt.a", hidden=True) if name not in first}
    of_gcc = {name for name in helpers if name.startswith("__")}
    first |= helpers - of_gcc
    first |= {f"{name}64" for name in LARGE_FILE if name in first}
    return Names(first=frozenset(first), last=frozenset(of_gcc | (defined(zlib) - first)))


def own_names(objects: Iterable[Path]) -> set[str]:
    """What the program's own objects answer for."""
    names: set[str] = set()
    for path in objects:
        names |= defined(path)
    return names - {"main"}


def substitutes(own: Iterable[str]) -> dict[str, str]:
    """Names that are answered by another function of the C core: libraries' name -> ours.

    ``nb_vcpu_sysconf`` is what a library gets for ``sysconf``: a function's share of processors.
    """
    return {
        name.removeprefix(SUBSTITUTE): name for name in sorted(own) if name.startswith(SUBSTITUTE)
    }


def table_source(
    names: Iterable[str], *, last: Collection[str] = (), instead: Mapping[str, str] | None = None
) -> str:
    """C source of ``nb_symtab`` and ``nb_symtab_last`` (see nb_dl.h): sorted by name in byte order,
    for a binary search.

    Every name is declared as a char array, and under another name: only its address counts, and a
    compiler has its own view of memcpy or __atomic_load. ``last``: which names go into the second
    table; ``instead``: names whose address is another's. ``open64`` and its like, which older
    libraries ask for, are the plain functions.
    """
    chosen = sorted({name for name in names if C_NAME.fullmatch(name)}, key=str.encode)
    others = {f"{name}64": name for name in LARGE_FILE} | dict(instead or {})
    given = {name: others.get(name, name) for name in chosen}
    lines = [
        "/* Generated by build_scripts/symbols.py. */",
        "#include <stddef.h>",
        "struct nb_dl_symbol { const char *name; const void *address; };",
        *(f'extern const char at_{name}[] __asm__("{given[name]}");' for name in chosen),
    ]
    for table, rows in (
        ("nb_symtab", [name for name in chosen if name not in last]),
        ("nb_symtab_last", [name for name in chosen if name in last]),
    ):
        lines += [
            f"const struct nb_dl_symbol {table}[] = {{",
            *(f'    {{"{name}", at_{name}}},' for name in rows),
            "    {0, 0},",
            "};",
            f"const size_t {table}_count = {len(rows)};",
        ]
    return "\n".join(lines) + "\n"


TABLE_FLAGS = ("-O1", "-std=gnu11")  # for compiling table_source()
