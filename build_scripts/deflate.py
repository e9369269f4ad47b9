"""Deflating a large file: in pieces, side by side, and a part that changes rarely only once.

The pieces make one ordinary deflate stream (RFC 1951), as pigz makes it: each ends at a byte and
has the 32 KB before it as its dictionary, so that next to nothing is lost.
"""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache
from build_scripts.toolchain import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 4 << 20
WINDOW = 32 << 10
LAST = b"\x03\x00"  # an empty block that is marked as the last


def compress(data: bytes, level: int, kept: tuple[int, int] = (0, 0)) -> bytes:
    """``data`` as a raw deflate stream. ``kept``: begin and end of a part whose result is cached.

    That part begins without a dictionary, so that its result depends on nothing before it.
    """
    begin, end = kept
    if begin >= end:
        return _stream(data, 0, len(data), level) + LAST
    key = cache.content_key(Path(__file__), str(level), zlib.ZLIB_RUNTIME_VERSION, data[begin:end])
    entry = cache.root() / "deflated" / key
    if not cache.is_intact(entry):
        with cache.publish(entry) as work:
            (work / "stream").write_bytes(_stream(data, begin, end, level))
    middle = (entry / "stream").read_bytes()
    return b"".join(
        (_stream(data, 0, begin, level), middle, _stream(data, end, len(data), level), LAST)
    )


def _stream(data: bytes, begin: int, end: int, level: int) -> bytes:
    def one(bounds: tuple[int, int]) -> bytes:
        start, stop = bounds
        dictionary = data[max(begin, start - WINDOW) : start]
        options = (level, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL)
        strategy = zlib.Z_DEFAULT_STRATEGY
        engine = (
            zlib.compressobj(*options, strategy, dictionary)
            if dictionary
            else zlib.compressobj(*options, strategy)
        )
        return engine.compress(data[start:stop]) + engine.flush(zlib.Z_SYNC_FLUSH)

    with ThreadPoolExecutor(jobs()) as pool:
        return b"".join(pool.map(one, _pieces(begin, end)))


def _pieces(begin: int, end: int) -> Iterator[tuple[int, int]]:
    for start in range(begin, end, PIECE):
        yield start, min(start + PIECE, end)
