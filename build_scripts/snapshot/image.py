"""From a raw dump to a program with its image. Formats: core/nb_dump.h and core/nb_image.h.

The pristine program is copied, the image appended to it, and at last the slot that points to the
image is filled in: whatever is interrupted before leaves a program that starts normally.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from build_scripts import cache
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path
    from typing import IO

PAGE = 4096
DUMP_MAGIC = 0x31504D5544424E
DUMP_HEADER = struct.Struct("<4Q")
DUMP_RANGE = struct.Struct("<3Q")
DUMP_RANGES = 16
IMAGE_MAGIC = 0x314547414D49424E
SLOT_MAGIC = b"NB-IMAGE-SLOT-01"
SLOT = struct.Struct("<16s32sQ")
HEADER = struct.Struct("<QQ32s5Q8I")
MAP = struct.Struct("<3Q")
READ = struct.Struct("<2Q")
GUARD = struct.Struct("<4I")
ABSENT = 0xFFFFFFFF
OR_ABSENT = 1 << 31
MAX_TABLES = 4 << 20
WORD = 0xFFFFFFFFFFFFFFFF
# Runs of empty pages from here on are no part of the file: the heap's region is empty memory
# anyway. A mapping more costs as much as a few pages.
GAP = 32 * PAGE


@dataclass(frozen=True, kw_only=True)
class Range:
    """Memory of the dumped process: ``offset`` of its bytes in the dump."""

    address: int
    length: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A complete raw dump."""

    path: Path
    heap_base: int
    heap_top: int
    ranges: tuple[Range, ...]


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A variable that the image depends on. ``value`` None: it must not be set;
    ``or_absent``: it may also not be set."""

    name: str
    value: str | None
    or_absent: bool = False


def read_dump(path: Path) -> Dump:
    """Check a dump's header. ToolError for one that is incomplete."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(DUMP_HEADER.size + DUMP_RANGES * DUMP_RANGE.size)
    if len(head) < DUMP_HEADER.size + DUMP_RANGES * DUMP_RANGE.size:
        raise ToolError("the initialised process left no complete dump")
    magic, count, heap_base, heap_top = DUMP_HEADER.unpack_from(head)
    if magic != DUMP_MAGIC or count > DUMP_RANGES:
        raise ToolError("the initialised process left no complete dump")
    ranges = []
    for index in range(count):
        at = DUMP_HEADER.size + index * DUMP_RANGE.size
        address, length, offset = DUMP_RANGE.unpack_from(head, at)
        if (address | length | offset) % PAGE or offset + length > size:
            raise ToolError("the dump of the initialised process is damaged")
        ranges.append(Range(address=address, length=length, offset=offset))
    return Dump(path=path, heap_base=heap_base, heap_top=heap_top, ranges=tuple(ranges))


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
        maps = [part for item in dump.ranges for part in _without_gaps(item, dump, raw)]
        length = _tables_length(maps, hot_runs, guards)
        if length > MAX_TABLES:
            raise ToolError("the image has too many parts or variables: a start would refuse it")
        reads_at = start + _round_up(length)
        hot_bytes = b"".join(_slice(dump, raw, *run) for run in hot_runs)
        maps_at = _round_up(reads_at + len(hot_bytes))
        header = _header(dump, maps, hot_runs, guards, identity, reads_at, maps_at)
        with cache.translate_os_errors(target), target.open("wb") as out:
            out.write(pristine)
            _pad(out, start)
            out.write(header)
            _pad(out, reads_at)
            out.write(hot_bytes)
            _pad(out, maps_at)
            _write_maps(out, maps, raw, hot_runs)
            length = out.tell()
            out.seek(_find_slot(pristine))
            out.write(SLOT.pack(SLOT_MAGIC, identity, start))
    target.chmod(0o755)
    return length - start


def _without_gaps(item: Range, dump: Dump, raw: mmap.mmap) -> list[Range]:
    """The parts of the heap that hold something. The program's own segments stay whole: what is
    zero in the dump may be something else in the pristine program."""
    if item.address != dump.heap_base:
        return [item]
    parts: list[Range] = []
    begin = end = 0  # of the part that is being collected
    for at in range(0, item.length, PAGE):
        if raw[item.offset + at : item.offset + at + PAGE].count(0) == PAGE:
            continue
        if at - end >= GAP and end > begin:
            parts.append(_part(item, begin, end))
            begin = at
        elif end == begin:
            begin = at
        end = at + PAGE
    return [*parts, _part(item, begin, end)] if end > begin else parts


def _part(item: Range, begin: int, end: int) -> Range:
    return Range(address=item.address + begin, length=end - begin, offset=item.offset + begin)


def _header(
    dump: Dump,
    ranges: Sequence[Range],
    hot_runs: Sequence[tuple[int, int]],
    guards: Sequence[Guard],
    identity: bytes,
    reads_at: int,
    maps_at: int,
) -> bytes:
    maps, offset = [], maps_at
    for item in ranges:
        maps.append(MAP.pack(item.address, item.length, offset))
        offset += item.length
    # The heap's hot pages first: they are read before the point of no return.
    tables = [b"".join(maps), b"".join(READ.pack(*run) for run in hot_runs)]
    places = [HEADER.size]
    for table in tables:
        places.append(places[-1] + len(table))
    guard_table, strings = _guards(guards, places[-1])
    body = b"".join((*tables, guard_table, strings))
    body += bytes(-len(body) % 8)
    heap_reads = sum(address >= dump.heap_base for address, _ in hot_runs)
    fields = (
        *(identity, offset, HEADER.size + len(body), reads_at),
        *(dump.heap_base, dump.heap_top, PAGE, len(maps), len(hot_runs), heap_reads),
        *(len(guards), *places),
    )
    unchecked = HEADER.pack(IMAGE_MAGIC, 0, *fields) + body
    return HEADER.pack(IMAGE_MAGIC, check(unchecked[16:]), *fields) + body


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
        name = guard.name.encode("utf-8", "surrogateescape")
        value = (guard.value or "").encode("utf-8", "surrogateescape")
        flags = ABSENT if guard.value is None else len(value) | OR_ABSENT * guard.or_absent
        place = begin + len(strings)
        rows.append(GUARD.pack(place, len(name), place + len(name), flags))
        strings += name + value
    return b"".join(rows), strings


def _tables_length(maps: Sequence[Range], hot: Sequence[object], guards: Sequence[Guard]) -> int:
    table, strings = _guards(guards, 0)
    length = HEADER.size + MAP.size * len(maps) + READ.size * len(hot)
    return _round_up(length + len(table) + len(strings), 8)


def _runs(dump: Dump, raw: mmap.mmap, hot: Collection[int]) -> list[tuple[int, int]]:
    """Neighbouring hot pages as (address, length); those of the heap first."""
    runs: list[list[int]] = []
    for page in sorted(hot):
        if not any(r.address <= page < r.address + r.length for r in dump.ranges):
            raise ToolError(f"a hot page lies outside of the image: {page:#x}")
        if _is_empty(dump, raw, page):
            continue
        if runs and sum(runs[-1]) == page and _range_of(dump, page) == _range_of(dump, page - 1):
            runs[-1][1] += PAGE
        else:
            runs.append([page, PAGE])
    ordered = sorted(runs, key=lambda run: (run[0] < dump.heap_base, run[0]))
    return [(address, length) for address, length in ordered]


def _is_empty(dump: Dump, raw: mmap.mmap, page: int) -> bool:
    """An empty page of the heap is not read from anywhere."""
    return page >= dump.heap_base and not any(_slice(dump, raw, page, PAGE))


def _range_of(dump: Dump, address: int) -> Range:
    return next(r for r in dump.ranges if r.address <= address < r.address + r.length)


def _slice(dump: Dump, raw: mmap.mmap, address: int, length: int) -> bytes:
    item = _range_of(dump, address)
    at = item.offset + address - item.address
    return raw[at : at + length]


def _write_maps(
    out: IO[bytes], maps: Sequence[Range], raw: mmap.mmap, hot: Sequence[tuple[int, int]]
) -> None:
    """The ranges as they are mapped, with zeros where the hot pages are read over them."""
    for item in maps:
        data = bytearray(raw[item.offset : item.offset + item.length])
        for address, length in hot:
            at = address - item.address
            if 0 <= at < item.length:
                data[at : at + length] = bytes(length)
        out.write(data)


def _round_up(value: int, to: int = PAGE) -> int:
    return -(-value // to) * to


def _pad(out: IO[bytes], to: int) -> None:
    out.write(bytes(to - out.tell()))
