"""Compresses, at once and as a stream."""

import brotli

EXPECTED = [True, True, "refused"]


def use():
    data = b"all work and no play " * 5000
    stream = brotli.Compressor(quality=5)
    packed = stream.process(data[:7000]) + stream.process(data[7000:]) + stream.finish()
    try:
        brotli.decompress(b"\0\1\2 nonsense")
        last = "accepted"
    except brotli.error:
        last = "refused"
    return [
        brotli.decompress(brotli.compress(data)) == data,
        brotli.decompress(packed) == data,
        last,
    ]
