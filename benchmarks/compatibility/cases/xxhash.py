"""Hashes."""

import xxhash

EXPECTED = ["ef46db3751d8e999", "02cc5d05", "2d06800538d394c2", True]


def use():
    parts = xxhash.xxh3_128()
    parts.update(b"ab")
    parts.update(b"c")
    same = parts.hexdigest() == xxhash.xxh3_128_hexdigest(b"abc")
    return [
        xxhash.xxh64(b"").hexdigest(),
        xxhash.xxh32(b"").hexdigest(),
        xxhash.xxh3_64(b"").hexdigest(),
        same,
    ]
