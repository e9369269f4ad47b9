"""From a raw dump to a program with its image. Formats: core/nb_dump.h and core/nb_image.h.

The pristine program is copied, the image appended to it, and at last the slot that points to the
image is filled in: whatever is interrupted before leaves a program that starts normally.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from build_scripts import cache
from build_scripts.snapshot import layout
from build_scripts.snapshot.dump import CONTENT, PAGE, REGION_BASE
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path
    from typing import IO

    from build_scripts.snapshot.dump import Dump, Range
    from build_scripts.snapshot.layout import Part
    from build_scripts.snapshot.patterns import Pattern

MAGIC = 0x324547414D49424E
SLOT_MAGIC = b"NB-IMAGE-SLOT-01"
SLOT = struct.Struct("<16s32sQ")
HEADER = struct.Struct("<QQ32s5Q8I")
MAP = struct.Struct("<4Q")
READ = struct.Struct("<2Q")
GUARD = struct.Struct("<4I")
EMPTY = 0xFFFFFFFFFFFFFFFF
ABSENT = 0xFFFFFFFF
OR_ABSENT = 1 << 31
# Whether a pattern is a prefix, and whether it is one in any case.
PATTERNS = {(True, False): 0xFFFFFFFE, (True, True): 0xFFFFFFFD, (False, True): 0xFFFFFFFC}
MAX_TABLES = 4 << 20
WORD = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A variable that the image depends on. ``value`` None: it must not be set;
    ``or_absent``: it may also not be set. ``pattern``: ``name`` is its text; nothing that matches
    may be set, but for what has a guard of its own."""

    name: str
    value: str | None
    or_absent: bool = False
    pattern: Pattern | None = None

    @property
    def stored_name(self) -> str:
        return self.pattern.stem if self.pattern else self.name

    @property
    def kind(self) -> int:
        if self.pattern is not None:
            return PATTERNS[self.pattern.is_prefix, self.pattern.any_case]
        if self.value is None:
            return ABSENT
        return len(_bytes(self.value)) | OR_ABSENT * self.or_absent


def fingerprint(program: bytes) -> bytes:
    """SHA-256 of a program whose slot is empty."""
    at = _find_slot(program)
    if any(program[at + 16 : at + SLOT.size]):
        raise ToolError("the program has an image already")
    return hashlib.sha256(program).digest()


def _find_slot(program: bytes) -> int:
    at = program.find(SLOT_MAGIC)
    if at < 0 or program.find(SLOT_MAGIC, at + 1) >= 0:
        raise ToolError("the linked program has no slot for an image")
    return at


def write(
    program: Path,
    dump: Dump,
    target: Path,
    *,
    guards: Sequence[Guard],
    hot: Collection[int] = (),
) -> int:
    """``program`` with its image, as ``target``. Returns the length of the image.

    ``hot``: addresses of the pages that the first invocation writes to.
    """
    pristine = program.read_bytes()
    identity = fingerprint(pristine)
    start = _round_up(len(pristine))
    with dump.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        hot_runs = _runs(dump, raw, hot)
        found = layout.find(dump, raw, program_length=start)
        stored = [part for part in found if part.origin == layout.DUMP]
        length = _tables_length(len(layout.merged(found)), hot_runs, guards)
        if length > MAX_TABLES:
            raise ToolError("the image has too many parts or variables: a start would refuse it")
        reads_at = start + _round_up(length)
        hot_bytes = b"".join(_slice(dump, raw, *run) for run in hot_runs)
        maps_at = _round_up(reads_at + len(hot_bytes))
        end = maps_at + sum(part.length for part in stored)
        maps = layout.merged(_placed(found, maps_at))
        header = _header(dump, maps, hot_runs, guards, identity, reads_at, end)
        with cache.translate_os_errors(target), target.open("wb") as out:
            out.write(pristine)
            _pad(out, start)
            out.write(header)
            _pad(out, reads_at)
            out.write(hot_bytes)
            _pad(out, maps_at)
            _write_maps(out, stored, raw, hot_runs)
            length = out.tell()
            out.seek(_find_slot(pristine))
            out.write(SLOT.pack(SLOT_MAGIC, identity, start))
    target.chmod(0o755)
    return length - start


def _placed(found: Sequence[Part], offset: int) -> list[Part]:
    """The same, with places in the finished file; what is stored lies there in a row."""
    placed = []
    for part in found:
        if part.origin == layout.DUMP:
            placed.append(replace(part, offset=offset))
            offset += part.length
        else:
            placed.append(part)
    return placed


def _header(
    dump: Dump,
    maps: Sequence[Part],
    hot_runs: Sequence[tuple[int, int]],
    guards: Sequence[Guard],
    identity: bytes,
    reads_at: int,
    end: int,
) -> bytes:
    rows = []
    for part in maps:
        offset = EMPTY if part.origin == layout.EMPTY else part.offset
        rows.append(MAP.pack(part.address, part.length, offset, part.protection))
    # The hot pages of region and heap first: they are read before the point of no return.
    tables = [b"".join(rows), b"".join(READ.pack(*run) for run in hot_runs)]
    places = [HEADER.size]
    for table in tables:
        places.append(places[-1] + len(table))
    guard_table, strings = _guards(guards, places[-1])
    body = b"".join((*tables, guard_table, strings))
    body += bytes(-len(body) % 8)
    early_reads = sum(address >= REGION_BASE for address, _ in hot_runs)
    fields = (
        *(identity, end, HEADER.size + len(body), reads_at),
        *(dump.heap_base, dump.heap_top),
        *(PAGE, len(maps), len(hot_runs), early_reads, len(guards), *places),
    )
    unchecked = HEADER.pack(MAGIC, 0, *fields) + body
    return HEADER.pack(MAGIC, check(unchecked[16:]), *fields) + body


def check(data: bytes) -> int:
    """nb_image_check() of nb_image.h."""
    value = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<Q", data):
        value = ((value ^ word) * 0x100000001B3) & WORD
        value = (value << 29 | value >> 35) & WORD
    return value


def _guards(guards: Sequence[Guard], at: int) -> tuple[bytes, bytes]:
    strings, rows = b"", []
    begin = at + GUARD.size * len(guards)
    for guard in guards:
        name, value = _bytes(guard.stored_name), _bytes(guard.value or "")
        place = begin + len(strings)
        rows.append(GUARD.pack(place, len(name), place + len(name), guard.kind))
        strings += name + value
    return b"".join(rows), strings


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _tables_length(maps: int, hot: Sequence[object], guards: Sequence[Guard]) -> int:
    table, strings = _guards(guards, 0)
    length = HEADER.size + MAP.size * maps + READ.size * len(hot)
    return _round_up(length + len(table) + len(strings), 8)


def _runs(dump: Dump, raw: mmap.mmap, hot: Collection[int]) -> list[tuple[int, int]]:
    """Neighbouring hot pages as (address, length); those of region and heap first."""
    runs: list[list[int]] = []
    for page in sorted(hot):
        item = _range_of(dump, page)
        if not item.is_writable or item.kind != CONTENT:
            raise ToolError(f"a hot page is not writable in the image: {page:#x}")
        if _is_empty(dump, raw, page):
            continue
        if runs and sum(runs[-1]) == page and item == _range_of(dump, page - 1):
            runs[-1][1] += PAGE
        else:
            runs.append([page, PAGE])
    ordered = sorted(runs, key=lambda run: (run[0] < REGION_BASE, run[0]))
    return [(address, length) for address, length in ordered]


def _is_empty(dump: Dump, raw: mmap.mmap, page: int) -> bool:
    """An empty page of region or heap is not read from anywhere."""
    return page >= REGION_BASE and not any(_slice(dump, raw, page, PAGE))


def _range_of(dump: Dump, address: int) -> Range:
    item = dump.range_of(address)
    if item is None:
        raise ToolError(f"a hot page lies outside of the image: {address:#x}")
    return item


def _slice(dump: Dump, raw: mmap.mmap, address: int, length: int) -> bytes:
    item = _range_of(dump, address)
    at = item.offset + address - item.address
    return raw[at : at + length]


def _write_maps(
    out: IO[bytes], stored: Sequence[Part], raw: mmap.mmap, hot: Sequence[tuple[int, int]]
) -> None:
    """The parts as they are mapped, with zeros where the hot pages are read over them."""
    for part in stored:
        data = bytearray(raw[part.offset : part.offset + part.length])
        for address, length in hot:
            at = address - part.address
            if 0 <= at < part.length:
                data[at : at + length] = bytes(length)
        out.write(data)


def _round_up(value: int, to: int = PAGE) -> int:
    return -(-value // to) * to


def _pad(out: IO[bytes], to: int) -> None:
    out.write(bytes(to - out.tell()))
