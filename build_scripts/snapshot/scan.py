"""Looks through a finished image for what it must not hold.

One regular expression for all that begins with the same byte: re looks for that byte with memchr,
so that 100 MB take about a second. Scan what lies side by side in memory, in that order: a text may
cross the border of two pages.
"""

from __future__ import annotations

import mmap
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts.snapshot import layout
from build_scripts.snapshot.dump import REGION_BASE
from build_scripts.snapshot.forbidden import ENCODINGS, Forbidden, Needle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from build_scripts.snapshot.dump import Dump

Buffer = bytes | bytearray | memoryview | mmap.mmap
OVERLAP = 16 << 10  # on both sides of a seam; more than any pattern needs
MOST_HITS = 100
SHOWN = 4  # characters of a key


@dataclass(frozen=True, kw_only=True)
class Part:
    """A range of the image: what to call it, where it lies in memory, what it holds."""

    where: str
    address: int
    content: Buffer


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A finding. ``text`` is for the user: never a secret itself. ``offset`` is that in its part.

    ``fatal`` unless it stands in the user's own files as well.
    """

    kind: str
    text: str
    where: str
    offset: int
    fatal: bool = True


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """A needle in one encoding, or the shape of a key."""

    kind: str
    first: bytes
    rest: bytes  # a regular expression without groups
    encoding: str = "utf-8"
    needle: Needle | None = None


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A hit with the very text, which is looked for in the inputs."""

    hit: Hit
    text: bytes


def scan(parts: Sequence[Part], *, forbidden: Forbidden) -> list[Hit]:
    """Every finding once, in the order of ``parts``; at most MOST_HITS of them."""
    expressions = _compile(_rules(forbidden))
    found: dict[bytes, _Found] = {}
    for part, is_seam in _with_seams(parts):
        for expression, rules in expressions:
            for match in expression.finditer(part.content):
                one = _judge(rules[(match.lastindex or 1) - 1], match, part)
                if one is not None:
                    placed = _placed(one, parts) if is_seam else one
                    found.setdefault(placed.text, placed)
    inputs = _occurring(found, forbidden.inputs)
    own = _occurring(found.keys() - inputs, forbidden.own)
    hits = [
        replace(one.hit, fatal=text not in own) for text, one in found.items() if text not in inputs
    ]
    return hits[:MOST_HITS]


def scan_dump(dump: Dump, raw: mmap.mmap, *, forbidden: Forbidden) -> list[Hit]:
    """Scan all that an image of this dump holds besides the program's own file."""
    view = memoryview(raw)
    found = []
    for item in dump.ranges:
        is_heap = item.address == dump.heap_base
        where = "heap" if is_heap else "data" if item.address < REGION_BASE else "modules"
        # A library's buffers may be a gigabyte, and empty.
        found += [
            Part(where=where, address=part.address, content=view[part.offset :][: part.length])
            for part in layout.of_range(item, raw, is_heap=is_heap)
            if part.origin == layout.DUMP
        ]
    hits = scan(found, forbidden=forbidden)
    found.clear()
    view.release()
    return hits


def _rules(forbidden: Forbidden) -> list[_Rule]:
    """Longest first: of two that begin alike, the more exact one is to be told."""
    found = []
    for needle in sorted(forbidden.needles, key=lambda needle: -len(needle.text)):
        texts = {needle.encoded(encoding): encoding for encoding in reversed(ENCODINGS)}
        for text, encoding in texts.items():
            if not text:
                continue
            rest = re.escape(text[1:]) + needle.after(encoding)
            rule = _Rule(
                kind=needle.kind, first=text[:1], rest=rest, encoding=encoding, needle=needle
            )
            found.append(rule)
    for kind, regex in forbidden.keys:
        pattern = regex.encode()
        found.append(_Rule(kind=kind, first=pattern[:1], rest=pattern[1:]))
    return found


def _compile(rules: Sequence[_Rule]) -> list[tuple[re.Pattern[bytes], list[_Rule]]]:
    groups: dict[bytes, list[_Rule]] = {}
    for rule in rules:
        groups.setdefault(rule.first, []).append(rule)
    return [
        (re.compile(re.escape(first) + b"(?:(" + b")|(".join(r.rest for r in group) + b"))"), group)
        for first, group in groups.items()
    ]


def _with_seams(parts: Sequence[Part]) -> Iterator[tuple[Part, bool]]:
    """The parts, and before each that continues another one what lies around the seam (True)."""
    before, end = b"", 0
    for part in parts:
        if part.address != end:
            before = b""
        elif before:
            around = before + bytes(part.content[:OVERLAP])
            yield Part(where="", address=end - len(before), content=around), True
        yield part, False
        # More than the last part, which may be shorter than what is looked for.
        before = (before + bytes(part.content[-OVERLAP:]))[-OVERLAP:]
        end = part.address + len(part.content)


def _placed(found: _Found, parts: Sequence[Part]) -> _Found:
    """The same with the part in which it begins; so far it has its address in memory only."""
    address = found.hit.offset
    for part in parts:
        if part.address <= address < part.address + len(part.content):
            hit = replace(found.hit, where=part.where, offset=address - part.address)
            return replace(found, hit=hit)
    raise AssertionError("a seam lies between two parts")


def _judge(rule: _Rule, match: re.Match[bytes], part: Part) -> _Found | None:
    """What to say of a match; None when it means nothing."""
    raw = match.group()
    if rule.encoding != "utf-8":
        raw = raw.decode(rule.encoding, "replace").encode()
    if rule.needle is None:
        shown = raw[:SHOWN].decode() + f"… ({len(raw)} characters)"
    else:
        shown = rule.needle.label or raw.decode("utf-8", "replace")
        if rule.needle.must_exist and not _exists(raw):
            return None
    offset = match.start() + (0 if part.where else part.address)
    hit = Hit(kind=rule.kind, text=shown, where=part.where, offset=offset)
    return _Found(hit=hit, text=raw)


def _exists(path: bytes) -> bool:
    """Whether it is a path of this machine below a folder, not that folder alone."""
    return path.rstrip(b"/").count(b"/") > 1 and os.path.lexists(path.rstrip(b".:"))


def _occurring(texts: Iterable[bytes], places: Iterable[Path]) -> set[bytes]:
    """Which of ``texts`` stand in the files in ``places``. They are read only if need be."""
    missing = set(texts)
    for file in _files(places):
        if not missing:
            break
        if file.is_file() and file.stat().st_size:
            with file.open("rb") as opened, _mapped(opened.fileno()) as content:
                missing -= {text for text in missing if content.find(text) >= 0}
    return set(texts) - missing


def _mapped(file: int) -> mmap.mmap:
    return mmap.mmap(file, 0, access=mmap.ACCESS_READ)


def _files(places: Iterable[Path]) -> Iterator[Path]:
    """The files in ``places``; in folders only what a program is made from.

    A hidden one (``.env``, ``.git``) may hold the very secret, and bytecode the folder's name.
    """
    for place in places:
        if place.is_dir():
            for base, folders, names in os.walk(place):
                folders[:] = sorted(n for n in folders if n[0] != "." and n != "__pycache__")
                yield from (Path(base, name) for name in sorted(names) if name[0] != ".")
        elif place.is_file():
            yield place
