"""Packs and unpacks, with a type of its own."""

import datetime

import msgpack

EXPECTED = [
    "82a161930102c3a162c403000102",
    [[1, 2, True], "000102"],
    7,
    "2026-01-01T00:00:00+00:00",
]


def use():
    packed = msgpack.packb({"a": [1, 2, True], "b": b"\0\1\2"})
    found = msgpack.unpackb(packed)
    unpacker = msgpack.Unpacker()
    unpacker.feed(msgpack.packb(7))
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    again = msgpack.unpackb(msgpack.packb(day, datetime=True), timestamp=3)
    return [packed.hex(), [found["a"], found["b"].hex()], next(unpacker), again.isoformat()]
