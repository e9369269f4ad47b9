"""MurmurHash3."""

import mmh3

EXPECTED = [-156908512, 613153351, "6145f501578671e2877dba2be487af7e", True]


def use():
    parts = mmh3.mmh3_x64_128()
    parts.update(b"fo")
    parts.update(b"o")
    same = parts.digest() == mmh3.hash_bytes("foo")
    return [mmh3.hash("foo"), mmh3.hash("hello"), mmh3.hash_bytes("foo").hex(), same]
