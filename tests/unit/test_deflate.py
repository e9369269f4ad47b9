"""Deflating in pieces: any inflater reads it, and a kept part is deflated once."""

from __future__ import annotations

import random
import zlib

import pytest

from build_scripts import cache, deflate


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch):
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(deflate, "PIECE", 100_000)


def text(size):
    words = [b"alpha", b"beta", b"gamma", b"delta", bytes(40)]
    made = random.Random(1)
    return b"".join(made.choice(words) for _ in range(size // 10))[:size]


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000, 100_001, 734_567])
def test_one_stream(size):
    data = text(size)
    packed = deflate.compress(data, 8)
    assert zlib.decompress(packed, -zlib.MAX_WBITS) == data
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    engine.decompress(packed)
    assert engine.eof
    assert engine.unused_data == b""


def test_pieces_cost_next_to_nothing():
    data = text(2_000_000)
    assert len(deflate.compress(data, 8)) < 1.01 * len(zlib.compress(data, 8))


def test_a_kept_part_is_deflated_once_wherever_it_lies(monkeypatch):
    kept = random.Random(2).randbytes(300_000)
    first, second = text(50_000) + kept + text(10_000), text(70_001) + kept
    packed = deflate.compress(first, 8, (50_000, 350_000))
    assert zlib.decompress(packed, -zlib.MAX_WBITS) == first
    assert len(list((cache.root() / "deflated").iterdir())) == 1
    done = []
    stream = deflate._stream
    monkeypatch.setattr(deflate, "_stream", lambda *given: done.append(given) or stream(*given))
    packed = deflate.compress(second, 8, (70_001, 370_001))
    assert zlib.decompress(packed, -zlib.MAX_WBITS) == second
    assert [(begin, end) for _, begin, end, _ in done] == [(0, 70_001), (370_001, 370_001)]


def test_the_same_bytes_every_time():
    data = text(500_000)
    once = deflate.compress(data, 8, (100, 400_000))
    assert deflate.compress(data, 8, (100, 400_000)) == once
