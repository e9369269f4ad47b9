"""Frames, blocks and a stream."""

import lz4.block
import lz4.frame

EXPECTED = [True, True, True]


def use():
    data = b"all work and no play " * 5000
    framed = lz4.frame.compress(data, content_checksum=True)
    packed = lz4.block.compress(data, mode="high_compression")
    try:
        lz4.frame.decompress(framed[:-4] + b"\0\0\0\0")
        checked = False
    except RuntimeError:
        checked = True
    return [lz4.frame.decompress(framed) == data, lz4.block.decompress(packed) == data, checked]
