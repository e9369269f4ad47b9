"""What of a dump becomes a mapping of the image, and where its bytes come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from build_scripts.snapshot.dump import CONTENT, FILE, PAGE, REGION_BASE
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterable, Iterator, Sequence

    from build_scripts.snapshot.dump import Dump, Range

# Origins of a part's bytes: the dump, from where the image gets them; the program's own file, of
# which nothing is stored again; none at all.
DUMP, PROGRAM, EMPTY = "dump", "program", "empty"
# Runs of empty pages from here on are no part of the file: a mapping more costs as much as a few
# pages.
GAP = 32 * PAGE
_ZEROS = bytes(PAGE)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A range of the image; ``offset`` of its bytes in its origin."""

    address: int
    length: int
    protection: int
    origin: str
    offset: int = 0


def find(dump: Dump, raw: mmap.mmap, *, program_length: int) -> list[Part]:
    """In the order of their addresses. ``raw``: the dump's bytes; ``program_length`` of the
    program's own file, in whole pages."""
    found: list[Part] = []
    for item in dump.ranges:
        is_file = item.kind == FILE
        if is_file and (item.is_writable or item.offset + item.length > program_length):
            raise ToolError(f"a module's memory at {item.address:#x} is not the program's file")
        found += of_range(item, raw, is_heap=item.address == dump.heap_base)
    return found


def of_range(item: Range, raw: mmap.mmap, *, is_heap: bool) -> list[Part]:
    if item.kind != CONTENT:
        return [_part(item, 0, item.length, PROGRAM if item.kind == FILE else EMPTY)]
    if item.address < REGION_BASE:
        # Whole: what is zero in the dump may be something else in the pristine program.
        return [_part(item, 0, item.length, DUMP)]
    return _without_gaps(item, raw) if is_heap else list(_with_gaps(item, raw))


def merged(parts: Iterable[Part]) -> list[Part]:
    """Neighbours as one, where one mapping can have both."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if last is not None and _continues(last, part):
            result[-1] = replace(last, length=last.length + part.length)
        else:
            result.append(part)
    return result


def _continues(last: Part, part: Part) -> bool:
    return (
        last.address + last.length == part.address
        and (last.protection, last.origin) == (part.protection, part.origin)
        and (part.origin == EMPTY or last.offset + last.length == part.offset)
    )


def _part(item: Range, begin: int, end: int, origin: str) -> Part:
    return Part(
        address=item.address + begin,
        length=end - begin,
        protection=item.protection,
        origin=origin,
        offset=0 if origin == EMPTY else item.offset + begin,
    )


def _without_gaps(item: Range, raw: mmap.mmap) -> list[Part]:
    """The parts of the heap that hold something: between them there is empty memory anyway."""
    return [_part(item, begin, end, DUMP) for begin, end in _runs(item, raw)]


def _with_gaps(item: Range, raw: mmap.mmap) -> Iterator[Part]:
    """A range of the region: large gaps are empty memory of their own."""
    at = 0
    for begin, end in _stretched(_runs(item, raw), item.length):
        if begin > at:
            yield _part(item, at, begin, EMPTY)
        yield _part(item, begin, end, DUMP)
        at = end
    if at < item.length:
        yield _part(item, at, item.length, EMPTY)


def _stretched(runs: Sequence[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """The same, with the small gaps before the first and behind the last."""
    result = list(runs)
    if result and result[0][0] < GAP:
        result[0] = (0, result[0][1])
    if result and length - result[-1][1] < GAP:
        result[-1] = (result[-1][0], length)
    return result


def _runs(item: Range, raw: mmap.mmap) -> list[tuple[int, int]]:
    """(begin, end) of what holds something, with the small gaps in it."""
    runs: list[tuple[int, int]] = []
    begin = end = 0  # of the run that is being collected
    for at in range(0, item.length, PAGE):
        if raw[item.offset + at : item.offset + at + PAGE] == _ZEROS:
            continue
        if at - end >= GAP and end > begin:
            runs.append((begin, end))
            begin = at
        elif end == begin:
            begin = at
        end = at + PAGE
    return [*runs, (begin, end)] if end > begin else runs
