"""The last compile and the one link: C core + umbrella + archive + the pack's libraries."""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile

from build_scripts import cache, core, cpuid, embed, symbols
from build_scripts import toolchain as toolchain_module
from build_scripts.codegen import compile_cached
from build_scripts.scratch import private_folder
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.codegen import Umbrella
    from build_scripts.log import Log
    from build_scripts.modules import SharedObject
    from build_scripts.pack import Pack
    from build_scripts.toolchain import Toolchain

CORE_FLAGS = ("-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
ENTRY = ("--entry=nb_cpu_start",)  # the CPU is checked before anything else runs
# What runs at a start lies together (benchmarks/start_order.py): 5 % of a start less.
ORDER = Path(__file__).parent / "resources" / "start-order.txt"
ORDERED = (f"--symbol-ordering-file={ORDER}", "--no-warn-symbol-ordering")
# This module and those whose output goes into the program.
MODULES = (sys.modules[__name__], cpuid, embed, symbols, toolchain_module)
FACTS = "shared.json"
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
    """A linked program: ``stripped`` ships, ``debug`` has its symbols.

    ``embedded``: the shared objects in it, path -> bytes; ``warnings`` are for the user.
    """

    stripped: Path
    debug: Path
    key: str
    embedded: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What a program offers to code that is not linked with it.

    ``objects`` are embedded. ``names``: what someone may look up with ``dlsym``, as far as the
    program has it; ``every_name``: whatever the program has.
    """

    objects: Sequence[SharedObject] = ()
    names: frozenset[str] = frozenset()
    every_name: bool = False

    @property
    def key(self) -> str:
        parts = [part for found in self.objects for part in (found.path, found.file)]
        return cache.content_key(str(self.every_name), *sorted(self.names), "", *parts)


def link_program(
    *,
    pack: Pack,
    toolchain: Toolchain,
    umbrella: Umbrella | None,
    archive: Path,
    shared: Shared,
    log: Log,
) -> Program:
    """Link one bootstrap; the result is cached by the content of all that goes in."""
    objects = compile_core(toolchain, pack, log=log)
    objects += umbrella.objects if umbrella else ()
    key = cache.content_key(
        *(pack.key, toolchain.key, cache.content_key(archive), shared.key),
        *(ORDER, *(Path(str(module.__file__)) for module in MODULES)),
        *[p.read_bytes() for p in objects],
    )
    folder = cache.root() / "programs" / key
    program = Program(stripped=folder / "bootstrap", debug=folder / "bootstrap.debug", key=key)
    if not cache.is_intact(folder):
        with cache.publish(folder) as work, private_folder() as scratch:
            everything = [*objects, _assemble_archive(archive, scratch, toolchain, log)]
            facts = _add_shared(everything, objects, shared, pack, scratch, toolchain, log)
            (work / FACTS).write_text(json.dumps(facts))
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
    found = json.loads((folder / FACTS).read_text())
    return replace(program, embedded=found["embedded"], warnings=tuple(found["warnings"]))


def compile_core(toolchain: Toolchain, pack: Pack, *, log: Log) -> tuple[Path, ...]:
    """The objects of native_bootstrap/core for a target, from the cache where unchanged."""
    context = cache.content_key(
        pack.key, *[p.read_bytes() for p in sorted(core.FOLDER.glob("*.h"))]
    )
    folders = (pack.include, pack.root / "include", pack.lib, core.FOLDER)
    every = (*CORE_FLAGS, *(f"-I{folder}" for folder in folders))

    def build(source: Path) -> Path:
        flags = (*every, *core.flags(source, toolchain.target))
        return compile_cached(source, context, flags, toolchain=toolchain, log=log)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        return tuple(pool.map(build, core.sources()))


def _assemble_archive(archive: Path, scratch: Path, toolchain: Toolchain, log: Log) -> Path:
    """An object that is the archive. Assembled in its folder: no path of ours gets into it."""
    local = scratch / "modules.bin"
    shutil.copyfile(archive, local)
    source = scratch / "archive.S"
    source.write_text(ARCHIVE_ASM.format(digest=cache.content_key(archive), path=local))
    return toolchain.compile(source, scratch / "archive.o", log=log)


def _add_shared(
    everything: list[Path],
    objects: Sequence[Path],
    shared: Shared,
    pack: Pack,
    scratch: Path,
    toolchain: Toolchain,
    log: Log,
) -> dict[str, object]:
    """Add to ``everything`` the shared objects and the tables that the C core finds them by.

    A program that nobody loads anything into, or asks for symbols, has none of them.
    """
    libraries = [embed.read(found) for found in shared.objects]
    sizes = {library.path: len(library.content) for library in libraries}
    facts: dict[str, object] = {"embedded": sizes, "warnings": []}
    if not libraries and not shared.names and not shared.every_name:
        return facts
    own, theirs = symbols.own_names(objects), _library_names(pack)
    available = own | theirs.every
    needs = embed.demand(libraries, available)
    names = available if shared.every_name else needs.names | (shared.names & available)
    size = embed.tls_size(libraries, loads_more=shared.every_name)
    sources = {
        "symbols.c": symbols.table_source(
            names, last=theirs.last - own, instead=symbols.substitutes(own)
        ),
        "tls.c": embed.tls_block(size),
    }
    if libraries:
        found = _cpuid(shared.objects, toolchain.target.arch)
        digest = cache.content_key(*(library.content for library in libraries))
        sources["table.c"] = embed.table_source(libraries, found)
        sources["objects.S"] = embed.assembly(libraries, scratch, digest)
    # Not in Zig's own cache, which would keep the embedded bytes once more.
    env = toolchain.env(ZIG_LOCAL_CACHE_DIR=str(scratch))
    for name, text in sources.items():
        source = scratch / name
        source.write_text(text)
        flags = symbols.TABLE_FLAGS if name.endswith(".c") else ()
        output = source.with_suffix(".o")
        everything.append(toolchain.compile(source, output, flags=flags, log=log, env=env))
    return facts | {"warnings": list(needs.warnings)}


def _library_names(pack: Pack) -> symbols.Names:
    """The names that the pack's libraries have, read once per pack."""
    key = cache.content_key(pack.key, Path(str(symbols.__file__)))
    entry = cache.root() / "symbols" / f"{pack.arch}-{key}"
    if not cache.is_intact(entry):
        names = symbols.library_names(pack.archives[0], pack.lib, pack.lib / "libz.a")
        with cache.publish(entry) as work:
            rows = [sorted(names.first), sorted(names.last)]
            (work / "names.json").write_text(json.dumps(rows))
    first, last = json.loads((entry / "names.json").read_text())
    return symbols.Names(first=frozenset(first), last=frozenset(last))


def _cpuid(objects: Sequence[SharedObject], arch: str) -> dict[str, tuple[int, ...]]:
    """Where the shared objects ask for the processor; kept for each by its content."""
    if arch != "x86_64":
        return {}
    found = {}
    for shared in objects:
        data = shared.file.read_bytes()
        key = cache.content_key(data, Path(str(cpuid.__file__)))
        entry = cache.root() / "cpuid" / key
        if not cache.is_intact(entry):
            with cache.publish(entry) as work:
                (work / "offsets.json").write_text(json.dumps(cpuid.find(data, shared.path)))
        found[shared.path] = tuple(json.loads((entry / "offsets.json").read_text()))
    return found


def _check(program: Path) -> None:
    """One fully static program: nothing for a dynamic loader to find or to miss.

    And its thread-local variables fit into what was reckoned for them before the link.
    """
    with program.open("rb") as file:
        segments = {segment["p_type"]: segment.header for segment in ELFFile(file).iter_segments()}
    if "PT_TLS" in segments and segments["PT_TLS"]["p_memsz"] > embed.OWN_TLS:
        raise ToolError(
            f"the program has more than {embed.OWN_TLS} bytes of thread-local variables"
        )
    wrong = segments.keys() & {"PT_INTERP", "PT_DYNAMIC"}
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
