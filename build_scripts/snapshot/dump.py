"""The raw dump of an initialised process: core/nb_dump.h."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096
MAGIC = 0x32504D5544424E
HEADER = struct.Struct("<4Q")
RANGE = struct.Struct("<3Q2I")
MOST = 65536
READ, WRITE, EXEC = 1, 2, 4
CONTENT, FILE, NOTHING = 0, 1, 2
REGION_BASE = 0x800000000  # core/nb_region.h; below it there are the program's own segments


@dataclass(frozen=True, kw_only=True)
class Range:
    """Memory of the dumped process: ``offset`` of its bytes in the dump (``kind`` CONTENT) or in
    the program's own file (FILE); NOTHING is address space without access."""

    address: int
    length: int
    offset: int
    protection: int = READ | WRITE
    kind: int = CONTENT

    @property
    def end(self) -> int:
        return self.address + self.length

    @property
    def is_writable(self) -> bool:
        return bool(self.protection & WRITE)


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A complete raw dump; ``ranges`` in the order of their addresses."""

    path: Path
    heap_base: int
    heap_top: int
    ranges: tuple[Range, ...]

    def range_of(self, address: int) -> Range | None:
        return next((item for item in self.ranges if item.address <= address < item.end), None)


def read(path: Path) -> Dump:
    """Check a dump's header and table. ToolError for one that is incomplete."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER.size)
        magic, count, *places = HEADER.unpack(head) if len(head) == HEADER.size else (0, 0)
        table = file.read(count * RANGE.size) if magic == MAGIC and count <= MOST else b""
    if magic != MAGIC or len(table) != count * RANGE.size:
        raise ToolError("the initialised process left no complete dump")
    heap_base, heap_top = places
    ranges, end = [], 0
    for address, length, offset, protection, kind in RANGE.iter_unpack(table):
        misplaced = kind > NOTHING or (kind == CONTENT and offset + length > size)
        if (address | length | offset) % PAGE or address < end or misplaced:
            raise ToolError("the dump of the initialised process is damaged")
        end = address + length
        ranges.append(
            Range(
                address=address,
                length=length,
                offset=offset,
                protection=protection,
                kind=kind,
            )
        )
    return Dump(
        path=path,
        heap_base=heap_base,
        heap_top=heap_top,
        ranges=tuple(ranges),
    )
