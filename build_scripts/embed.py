"""Shared objects inside the program: their bytes, the table of them, and what they need of it.

The C core (nb_dl.h) finds an object by its path in ``nb_embedded`` and maps its segments from the
program's own file, so that each lies at a page boundary, as it was linked: only what no loader
looks at is cut off its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import symbols
from build_scripts.modules import DataFile
from native_bootstrap.errors import ToolError, UndefinedSymbolError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from build_scripts.modules import SharedObject

PAGE = 4096
SECTION = ".nb_embedded"
GLIBC_LOADER = "ld-linux"
SHOWN = 5  # symbols in an error
# Bytes of the main thread's block beside the variables of libraries: musl's struct pthread with the
# table of modules (nb_tls.c), and the program's own thread-local variables, which are not known
# before the link (and checked after it).
THREAD = 4096
OWN_TLS = 4096
# For what is loaded from files while the program runs: from layers, or whatever ctypes opens.
RESERVE = 16 << 10
LARGE_RESERVE = 64 << 10


@dataclass(frozen=True, kw_only=True)
class Library:
    """What the build has to know of a shared object. ``content`` is all that a loader reads."""

    path: str
    package: str
    content: bytes
    soname: str
    libraries: tuple[str, ...]  # DT_NEEDED
    strong: frozenset[str]  # names that it leaves undefined
    weak: frozenset[str]
    defined: frozenset[str]
    tls: int  # bytes for its thread-local variables, with alignment

    @property
    def label(self) -> str:
        return f"{self.path} ({self.package})" if self.package else self.path

    @property
    def names(self) -> set[str]:
        """What DT_NEEDED may call it."""
        return {self.path.rpartition("/")[2], self.soname} - {""}


@dataclass(frozen=True, kw_only=True)
class Demand:
    """The names that the program must answer for; ``warnings`` name what may fail to load."""

    names: frozenset[str]
    warnings: tuple[str, ...]


def read(found: SharedObject) -> Library:
    """Read one shared object. ToolError when it is none."""
    data = found.file.read_bytes()
    elf = symbols.open_elf(data, found.path)
    every = list(symbols.of_elf(elf))
    defined = frozenset(symbol.name for symbol in every if symbol.defined)
    missing = [symbol for symbol in every if symbol.name not in defined]
    soname, libraries, tls = "", [], 0
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_TLS":
            tls = segment["p_memsz"] + segment["p_align"]
        elif segment["p_type"] == "PT_DYNAMIC":
            for tag in segment.iter_tags():  # type: ignore[attr-defined]
                if tag.entry.d_tag == "DT_SONAME":
                    soname = tag.soname
                elif tag.entry.d_tag == "DT_NEEDED":
                    libraries.append(tag.needed)
    return Library(
        path=found.path,
        package=found.package,
        content=trimmed(data, [(s["p_offset"], s["p_filesz"]) for s in elf.iter_segments()]),
        soname=soname,
        libraries=tuple(libraries),
        strong=frozenset(symbol.name for symbol in missing if not symbol.weak),
        weak=frozenset(symbol.name for symbol in missing if symbol.weak),
        defined=defined,
        tls=tls,
    )


def trimmed(data: bytes, segments: Sequence[tuple[int, int]]) -> bytes:
    """``data`` (ELF64) up to the end of its last segment: no debug information, no .symtab.

    Everything before that end stays as it is and where it is. The section headers, which no loader
    reads, count as absent then.
    """
    table = int.from_bytes(data[32:40], "little") + 56 * int.from_bytes(data[56:58], "little")
    end = max([64, table, *(offset + size for offset, size in segments if size)])
    if end >= len(data):
        return data
    head = bytearray(data[:end])
    head[40:48] = bytes(8)  # e_shoff
    head[60:64] = bytes(4)  # e_shnum, e_shstrndx
    return bytes(head)


def demand(libraries: Sequence[Library], program: Collection[str]) -> Demand:
    """What ``libraries`` leave to the program, of which ``program`` are the names.

    A name that a library finds in those it asks for (DT_NEEDED) is not the program's business.
    Raises UndefinedSymbolError for a strong name that nobody has.
    """
    by_name: dict[str, list[Library]] = {}
    for library in libraries:
        for name in library.names:
            by_name.setdefault(name, []).append(library)
    everywhere = {name for library in libraries for name in library.defined}
    found: set[str] = set()
    warnings: list[str] = []
    for library in libraries:
        provided = {name for other in _closure(library, by_name) for name in other.defined}
        open_names = (library.strong | library.weak) - provided
        found |= open_names & set(program)
        # What another library defines may be there in time: some are loaded for everyone to see.
        lost = (library.strong & open_names) - set(program) - everywhere
        if lost:
            warnings += _lost(library, sorted(lost), by_name)
    return Demand(names=frozenset(found), warnings=tuple(warnings))


def _closure(library: Library, by_name: Mapping[str, list[Library]]) -> list[Library]:
    seen: list[Library] = []
    pending = [library]
    while pending:
        current = pending.pop()
        if all(current is not other for other in seen):
            seen.append(current)
            pending += [other for name in current.libraries for other in by_name.get(name, ())]
    return seen


def _lost(library: Library, lost: list[str], by_name: Mapping[str, list[Library]]) -> list[str]:
    """A warning when a library from elsewhere may have the names, else an error."""
    shown = ", ".join(lost[:SHOWN]) + (
        f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    )
    absent = [
        name
        for name in library.libraries
        if not (name in by_name or symbols.OWN.fullmatch(name) or name.startswith(GLIBC_LOADER))
    ]
    if absent:
        return [f"{library.label} needs {', '.join(absent)}, which must come from a layer"]
    hint = f"another version may do without; if you do not need it: --exclude {library.path}"
    if any(name == "libc.so.6" or name.startswith(GLIBC_LOADER) for name in library.libraries):
        hint = "it may have been built for glibc: use its musllinux wheel, or build it for musl"
    elif not library.package:
        hint = "leave the file out with --exclude, or add the library that has it to the project"
    noun = "symbols" if len(lost) > 1 else "symbol"
    raise UndefinedSymbolError(
        f"{library.label} needs the {noun} {shown}, which neither the program nor a library that "
        "comes with it has",
        hint=hint,
    )


def stand_ins(objects: Sequence[SharedObject]) -> list[DataFile]:
    """A small file in the place of each object, for code that looks whether it exists, lists a
    folder, or asks ``importlib.resources`` for its path before it loads it."""
    file = Path(__file__).parent / "resources" / "embedded.txt"
    return [DataFile(path=found.path, file=file) for found in objects]


def tls_size(libraries: Sequence[Library], *, loads_more: bool) -> int:
    """Bytes of the main thread's block: all variables, and a reserve."""
    reserve = LARGE_RESERVE if loads_more else RESERVE
    used = sum(library.tls for library in libraries) + OWN_TLS + THREAD + reserve
    return -(-used // PAGE) * PAGE


def tls_block(size: int) -> str:
    """C source of ``nb_tls_block`` (nb_dl.h)."""
    return (
        "#include <stddef.h>\n"
        f"unsigned char nb_tls_block[{size}] __attribute__((aligned({PAGE})));\n"
        f"const size_t nb_tls_block_size = {size};\n"
    )


def table_source(libraries: Sequence[Library], cpuid: Mapping[str, Sequence[int]]) -> str:
    """C source of ``nb_embedded``; ``cpuid``: path -> file offsets of such instructions."""
    lines = [
        "#include <stddef.h>",
        "#include <stdint.h>",
        "struct nb_embedded {",
        "    const char *path;",
        "    const unsigned char *begin;",
        "    size_t length;",
        "    const uint32_t *cpuid;",
        "    size_t cpuid_count;",
        "};",
    ]
    rows = []
    for number, library in enumerate(_ordered(libraries)):
        offsets = cpuid.get(library.path, ())
        lines.append(f"extern const unsigned char nb_embedded_{number}[];")
        if offsets:
            numbers = ", ".join(map(str, offsets))
            lines.append(f"static const uint32_t nb_cpuid_{number}[] = {{{numbers}}};")
        rows.append(
            f"    {{{_quoted(library.path)}, nb_embedded_{number}, {len(library.content)}, "
            f"{f'nb_cpuid_{number}' if offsets else '0'}, {len(offsets)}}},"
        )
    lines += ["const struct nb_embedded nb_embedded[] = {", *rows, "    {0, 0, 0, 0, 0},", "};"]
    lines.append(f"const size_t nb_embedded_count = {len(rows)};")
    return "\n".join(lines) + "\n"


def assembly(libraries: Sequence[Library], folder: Path, digest: str) -> str:
    """Assembler source of the bytes, for which it writes files into ``folder``.

    One section of its own: read-only data that nothing else is laid out with. ``digest`` stands for
    the content, which the assembler's cache does not look at.
    """
    lines = [f"/* shared objects {digest} */", f'    .section {SECTION},"a",%progbits']
    for number, library in enumerate(_ordered(libraries)):
        file = folder / f"{number}.so"
        file.write_bytes(library.content)
        name = f"nb_embedded_{number}"
        lines += [f"    .balign {PAGE}", f"    .globl {name}", f"    .hidden {name}", f"{name}:"]
        lines.append(f'    .incbin "{file}"')
    lines += [f"    .balign {PAGE}", '    .section .note.GNU-stack,"",%progbits']
    return "\n".join(lines) + "\n"


def place(program: bytes) -> tuple[int, int]:
    """Begin and end of the embedded bytes in a program's file; equal when it has none."""
    try:
        section = symbols.open_elf(program, "the program").get_section_by_name(SECTION)
    except ToolError:  # a test's, or one without section headers
        section = None
    return (section["sh_offset"], section["sh_offset"] + section["sh_size"]) if section else (0, 0)


def _ordered(libraries: Sequence[Library]) -> list[Library]:
    return sorted(libraries, key=lambda library: library.path.encode())


def _quoted(path: str) -> str:
    """A C string literal: everything but plain ASCII in octal, which cannot run on."""
    plain = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in path.encode())
    return f'"{"".join(plain)}"'
