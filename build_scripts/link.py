"""The last compile and the one link: C core + umbrella + archive + the pack's libraries."""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile

from build_scripts import cache, symbols
from build_scripts import toolchain as toolchain_module
from build_scripts.codegen import compile_cached
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from build_scripts.codegen import Umbrella
    from build_scripts.log import Log
    from build_scripts.pack import Pack
    from build_scripts.toolchain import Toolchain

CORE = Path(__file__).parents[1] / "native_bootstrap" / "core"
CORE_FLAGS = ("-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
ENTRY = ("--entry=nb_cpu_start",)  # the CPU is checked before anything else runs
# What runs at a start lies together (benchmarks/start_order.py): 5 % of a start less.
ORDER = Path(__file__).parent / "resources" / "start-order.txt"
ORDERED = (f"--symbol-ordering-file={ORDER}", "--no-warn-symbol-ordering")
ARCHIVE_ASM = """/* module archive {digest} */
    .section .rodata.nb_archive,"a",%progbits
    .balign 64
    .globl nb_archive_begin
    .globl nb_archive_end
nb_archive_begin:
    .incbin "{path}"
nb_archive_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
"""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A linked program: ``stripped`` ships, ``debug`` has its symbols."""

    stripped: Path
    debug: Path
    key: str


def link_program(
    *,
    pack: Pack,
    toolchain: Toolchain,
    umbrella: Umbrella | None,
    archive: Path,
    with_symbols: bool,
    log: Log,
) -> Program:
    """Link one bootstrap; the result is cached by the content of all that goes in.

    ``with_symbols`` is for users of ``ctypes``: ``dlsym`` then finds the program's own names.
    """
    objects = compile_core(toolchain, pack, log=log)
    objects += umbrella.objects if umbrella else ()
    archive_key = cache.content_key(archive)
    key = cache.content_key(
        *(pack.key, toolchain.key, archive_key, str(with_symbols)),
        *(Path(__file__), ORDER, Path(toolchain_module.__file__), Path(str(symbols.__file__))),
        *[p.read_bytes() for p in objects],
    )
    folder = cache.root() / "programs" / key
    program = Program(stripped=folder / "bootstrap", debug=folder / "bootstrap.debug", key=key)
    if not cache.is_intact(folder):
        with cache.publish(folder) as work, tempfile.TemporaryDirectory() as scratch:
            everything = [*objects, _assemble_archive(archive, Path(scratch), toolchain, log)]
            if with_symbols:
                everything.append(_symbol_table(objects, pack, Path(scratch), toolchain, log))
            for path, flags in (
                (program.debug, (*ENTRY, *ORDERED)),
                (program.stripped, (*ENTRY, *ORDERED, "--strip-all")),
            ):
                toolchain.link(
                    work / path.name,
                    libc=pack.lib,
                    objects=everything,
                    archives=pack.archives,
                    flags=flags,
                    log=log,
                )
            _check(work / program.stripped.name)
            _check_same_layout(work / program.debug.name, work / program.stripped.name)
    return program


def compile_core(toolchain: Toolchain, pack: Pack, *, log: Log) -> tuple[Path, ...]:
    """The objects of native_bootstrap/core for a target, from the cache where unchanged."""
    context = cache.content_key(pack.key, *[p.read_bytes() for p in sorted(CORE.glob("*.h"))])
    folders = (pack.include, pack.root / "include", pack.lib, CORE)
    every = (*CORE_FLAGS, *(f"-I{folder}" for folder in folders))

    def build(source: Path) -> Path:
        return compile_cached(source, context, every, toolchain=toolchain, log=log)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        return tuple(pool.map(build, sorted(CORE.glob("*.c"))))


def _assemble_archive(archive: Path, scratch: Path, toolchain: Toolchain, log: Log) -> Path:
    """An object that is the archive. Assembled in its folder: no path of ours gets into it."""
    local = scratch / "modules.bin"
    shutil.copyfile(archive, local)
    source = scratch / "archive.S"
    source.write_text(ARCHIVE_ASM.format(digest=cache.content_key(archive), path=local))
    return toolchain.compile(source, scratch / "archive.o", log=log)


def _symbol_table(
    objects: Sequence[Path], pack: Pack, scratch: Path, toolchain: Toolchain, log: Log
) -> Path:
    names = symbols.program_names(objects, pack.archives[0], pack.lib, pack.lib / "libz.a")
    source = scratch / "symbols.c"
    source.write_text(symbols.table_source(names))
    return toolchain.compile(source, scratch / "symbols.o", flags=symbols.TABLE_FLAGS, log=log)


def _check(program: Path) -> None:
    """One fully static program: nothing for a dynamic loader to find or to miss."""
    with program.open("rb") as file:
        kinds = {segment["p_type"] for segment in ELFFile(file).iter_segments()}
    wrong = kinds & {"PT_INTERP", "PT_DYNAMIC"}
    if wrong:
        raise ToolError(f"the linked program is not static: it has {', '.join(sorted(wrong))}")


def _check_same_layout(debug: Path, stripped: Path) -> None:
    """Symbols of one file are only good for the other when both have the same segments."""
    layouts = []
    for path in (debug, stripped):
        with path.open("rb") as file:
            layouts.append([dict(s.header.items()) for s in ELFFile(file).iter_segments()])
    if layouts[0] != layouts[1]:
        raise ToolError("the linker laid out the debug program differently from the stripped one")
