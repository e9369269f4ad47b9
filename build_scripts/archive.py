"""The module archive: every module's bytecode in one file, linked into the program.

Format (little endian; read by native_bootstrap/core/nb_archive.c, which describes it too):
header of 64 bytes, table of entries sorted by name, strings, data. Same input, same bytes.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC = b"NBARCH01"
HEADER = struct.Struct("<8sIIQQQQQQ")
ENTRY = struct.Struct("<10I")
NO_SOURCE = 0xFFFFFFFF
ALIGNMENT = 16  # of code that is read in place

PACKAGE = 1
NAMESPACE = 2
CODE_DEFLATED = 4
SOURCE_DEFLATED = 8
COMPILED = 16
INFO = 32
EXTENSION = 64


@dataclass(frozen=True, kw_only=True)
class ModuleEntry:
    """One row. ``code`` and ``source`` are as stored: see the flags.

    ``code_raw_length`` is the length after inflating; 0 means that ``code`` is stored as it is.
    """

    name: str
    path: str
    flags: int = 0
    code: bytes = b""
    code_raw_length: int = 0
    source: bytes | None = None


@dataclass
class _Pool:
    """Bytes in a row, equal ones once."""

    data: bytearray = field(default_factory=bytearray)
    known: dict[bytes, int] = field(default_factory=dict)

    def add(self, blob: bytes, align: int = 1) -> int:
        if blob not in self.known:
            self.data += bytes(-len(self.data) % align)
            self.known[blob] = len(self.data)
            self.data += blob
        return self.known[blob]


def pack_source(source: bytes) -> bytes:
    """A source in its stored form: u32 length, zlib stream."""
    return len(source).to_bytes(4, "little") + zlib.compress(source, 9)


def write(modules: Sequence[ModuleEntry], info: Mapping[str, str], target: Path) -> None:
    """Write an archive of ``modules`` and ``info`` strings (key without ``@``) to ``target``."""
    blob = encode(modules, info)
    with cache.translate_os_errors(target):
        partial = target.with_name(target.name + ".partial")
        partial.write_bytes(blob)
        os.replace(partial, target)  # noqa: PTH105 - atomic on POSIX, says so


def encode(modules: Sequence[ModuleEntry], info: Mapping[str, str]) -> bytes:
    """The archive as bytes. Raises ValueError when two modules have one name."""
    rows = [
        *modules,
        *(
            ModuleEntry(name=f"@{key}", path="", flags=INFO, code=value.encode())
            for key, value in info.items()
        ),
    ]
    named = {row.name.encode(): row for row in rows}
    if len(named) != len(rows):
        raise ValueError("two modules of one name in the archive")
    strings, data = _Pool(), _Pool()
    table = bytearray()
    for name in sorted(named):
        row = named[name]
        path = row.path.encode()
        in_place = not row.flags & CODE_DEFLATED
        code_at = data.add(row.code, ALIGNMENT if in_place else 1) if row.code else 0
        source_at = NO_SOURCE if row.source is None else data.add(row.source)
        table += ENTRY.pack(
            strings.add(name),
            len(name),
            strings.add(path) if path else 0,
            len(path),
            row.flags | (SOURCE_DEFLATED if row.source is not None else 0),
            code_at,
            len(row.code),
            row.code_raw_length or len(row.code),
            source_at,
            0 if row.source is None else len(row.source),
        )
    return _assemble(len(named), bytes(table), bytes(strings.data), bytes(data.data))


def _assemble(count: int, table: bytes, strings: bytes, data: bytes) -> bytes:
    entries_at = HEADER.size
    strings_at = entries_at + len(table)
    gap = -(strings_at + len(strings)) % ALIGNMENT
    data_at = strings_at + len(strings) + gap
    total = data_at + len(data)
    head = HEADER.pack(
        MAGIC, count, ENTRY.size, entries_at, strings_at, len(strings), data_at, total, 0
    )
    return b"".join((head, table, strings, bytes(gap), data))


def read(blob: bytes) -> dict[str, ModuleEntry]:
    """The entries of an archive by name (tests, reports)."""
    magic, count, size, entries_at, strings_at, _, data_at, total, _ = HEADER.unpack_from(blob)
    if magic != MAGIC or size != ENTRY.size or total != len(blob):
        raise ValueError("not a module archive")
    found = {}
    for number in range(count):
        row = ENTRY.unpack_from(blob, entries_at + number * size)
        name_at, name_len, path_at, path_len, flags, at, length, raw, source_at, source_len = row
        name = blob[strings_at + name_at :][:name_len].decode()
        source = blob[data_at + source_at :][:source_len] if source_at != NO_SOURCE else None
        found[name] = ModuleEntry(
            name=name,
            path=blob[strings_at + path_at :][:path_len].decode(),
            flags=flags & ~SOURCE_DEFLATED,
            code=blob[data_at + at :][:length],
            code_raw_length=raw,
            source=source,
        )
    return found
