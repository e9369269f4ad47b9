"""Can the program load these shared objects? Told at build time, with the way out.

A wheel's tag promises what is in it; files that were put into a project by hand promise nothing.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import symbols
from native_bootstrap.errors import NoUsableWheelError, SharedObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from build_scripts.modules import SharedObject
    from build_scripts.targets import Target

ELF_MAGIC = b"\x7fELF"
MACHINES = {3: "i386", 40: "arm (32 bit)", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
VERNEED = struct.Struct("<HHIII")
VERNAUX = struct.Struct("<IHHII")
SHOWN = 3
MOST_VERSIONS = 1000


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one file says about itself; ``problem``: why it cannot be loaded, as "is damaged"."""

    soname: str = ""
    needed: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """``sound``: go into the program; ``warnings`` tell of those that stay files, or may fail."""

    sound: tuple[SharedObject, ...]
    warnings: tuple[str, ...]


def is_elf(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(ELF_MAGIC)) == ELF_MAGIC


def check(
    objects: Sequence[SharedObject], target: Target, tags: Mapping[str, Sequence[str]]
) -> Checked:
    """Sort ``objects``; ``tags``: those of the wheel by package.

    An extension module that cannot be loaded is an error. Of a library only who needs it can tell
    whether it matters: some packages ship theirs for every system. It stays a file, with a warning.
    Raises NoUsableWheelError, or SharedObjectError when it is the project's own.
    """
    facts = {item.path: read(item.file, target) for item in objects}
    problems = {path: one.problem for path, one in facts.items() if one.problem}
    missing = _follow(facts, problems)
    fatal, warnings = [], []
    for item in objects:
        promised = any("musllinux" in tag for tag in tags.get(item.package, ()))
        if item.path in problems:
            text = f"{item.path} {problems[item.path]}"
            if _is_extension(item):
                fatal.append((item, text))
            else:
                warnings.append(_labelled(item, f"{text}: it stays a file"))
        elif item.path in missing:
            text = f"{item.path} needs {missing[item.path]}, which nobody brings along"
            if promised or not _is_extension(item):
                warnings.append(_labelled(item, f"{text}: loading it will fail"))
            else:
                fatal.append((item, text))
    if fatal:
        raise _refusal(fatal, target)
    sound = tuple(item for item in objects if item.path not in problems)
    return Checked(sound=sound, warnings=tuple(warnings))


def _is_extension(item: SharedObject) -> bool:
    """A plain x.so may be a library as well: then its PyInit function tells."""
    if ".cpython-" in item.path or item.path.endswith(".abi3.so"):
        return bool(item.module)
    return bool(item.module) and item.file.stat().st_size > 0 and _has_init(item.file)


def _follow(facts: Mapping[str, Facts], problems: dict[str, str]) -> dict[str, str]:
    """Who needs what is not there: path -> name. ``problems`` grows by who needs a bad one.

    As musl does, a library counts as found when any of that name is loaded: some packages load
    theirs by path before they import what needs it, so folders are not compared.
    """
    by_name: dict[str, list[str]] = {}
    for path, one in facts.items():
        for name in {one.soname, path.rpartition("/")[2]} - {""}:
            by_name.setdefault(name, []).append(path)
    missing: dict[str, str] = {}
    changed = True
    while changed:
        changed = False
        for path, one in facts.items():
            for name in one.needed:
                if path in problems or symbols.OWN.fullmatch(name):
                    continue
                brought = by_name.get(name.rpartition("/")[2], [])
                if not brought:
                    missing.setdefault(path, name)
                elif all(other in problems for other in brought):
                    problems[path] = f"needs {brought[0]}, which {problems[brought[0]]}"
                    changed = True
    return missing


def _labelled(item: SharedObject, text: str) -> str:
    return f"{item.package}: {text}" if item.package else text


def _refusal(
    fatal: Sequence[tuple[SharedObject, str]], target: Target
) -> NoUsableWheelError | SharedObjectError:
    first = fatal[0][0]
    lines = [_labelled(item, text) for item, text in fatal[:SHOWN]]
    if len(fatal) > SHOWN:
        lines.append(f"and {len(fatal) - SHOWN} more")
    if first.package:
        name = first.package.rpartition(" ")[0]
        return NoUsableWheelError(
            "\n".join(lines),
            hint=f"take a version of {name} with a sound musllinux wheel for {target.machine}",
        )
    return SharedObjectError(
        "\n".join(lines),
        hint=f"build it for musl on {target.machine} (an Alpine container does), or leave it out "
        f"with --exclude {first.path}",
    )


def read(file: Path, target: Target) -> Facts:
    """Look at one file."""
    from elftools.elf.elffile import ELFFile

    with file.open("rb") as opened:
        if opened.read(len(ELF_MAGIC)) != ELF_MAGIC:
            return Facts(problem="is no ELF file" if file.stat().st_size else "is empty")
        try:
            return _look(ELFFile(opened), file.stat().st_size, target)
        except Exception as error:
            return Facts(problem=f"is damaged ({type(error).__name__} in its ELF structures)")


def _look(elf: Any, size: int, target: Target) -> Facts:
    header = elf.header
    machine = MACHINES.get(_number(header["e_machine"]), str(header["e_machine"]))
    if elf.elfclass != 64 or not elf.little_endian or machine != target.machine:
        return Facts(problem=f"is for {machine}, the function runs on {target.machine}")
    if header["e_type"] != "ET_DYN":
        return Facts(problem="is an ELF file, but no shared object")
    ends = [segment["p_offset"] + segment["p_filesz"] for segment in elf.iter_segments()]
    ends.append(header["e_shoff"] + header["e_shnum"] * header["e_shentsize"])
    if max(ends) > size:
        return Facts(problem=f"is cut off: it has {size} bytes of {max(ends)}")
    dynamic = next(elf.iter_segments("PT_DYNAMIC"), None)
    if dynamic is None:
        return Facts(problem="is an ELF file, but no shared object")
    soname, needed = "", []
    for tag in dynamic.iter_tags():
        if tag.entry.d_tag == "DT_SONAME":
            soname = tag.soname
        elif tag.entry.d_tag == "DT_NEEDED":
            needed.append(tag.needed)
    found = Facts(soname=soname, needed=tuple(needed))
    # That it asks for libc.so.6 does not tell: Datadog builds one libddwaf.so for both C libraries.
    for library, version in _versions(elf, dynamic):
        # Of libgcc_s, musl's has the version GLIBC_2.0 too, on arm64.
        if version.startswith("GLIBC_") and symbols.OWN.fullmatch(library):
            problem = f"is built for glibc (it needs {version} of {library})"
            return replace(found, problem=problem)
    return found


def _versions(elf: Any, dynamic: Any) -> Iterator[tuple[str, str]]:
    """The symbol versions that are needed: library and version (DT_VERNEED)."""
    _, at = dynamic.get_table_offset("DT_VERNEED")
    _, strings = dynamic.get_table_offset("DT_STRTAB")
    if at is None or strings is None:
        return
    counts = [tag.entry.d_val for tag in dynamic.iter_tags("DT_VERNEEDNUM")]
    for _ in range(min([*counts, MOST_VERSIONS])):
        _, _, file, first, following = _at(elf, VERNEED, at)
        _, _, _, name, _ = _at(elf, VERNAUX, at + first)
        yield _string(elf, strings + file), _string(elf, strings + name)
        if not following:
            return
        at += following


def _at(elf: Any, shape: struct.Struct, at: int) -> tuple[int, ...]:
    elf.stream.seek(at)
    return shape.unpack(elf.stream.read(shape.size))


def _string(elf: Any, at: int) -> str:
    elf.stream.seek(at)
    return str(elf.stream.read(256).partition(b"\0")[0], "utf-8", "replace")


def _number(machine: str | int) -> int:
    from elftools.elf.enums import ENUM_E_MACHINE

    return machine if isinstance(machine, int) else int(ENUM_E_MACHINE[machine])


def _has_init(file: Path) -> bool:
    """Whether some string is PyInit_…: reading all symbols takes a second for a large library."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"\0PyInit_") >= 0
