"""MessagePack of data classes and times."""

import dataclasses

import ormsgpack

EXPECTED = ["82a17801a179a0", {"a": [1, 2.5, None], "b": "ü"}, "refused"]


@dataclasses.dataclass
class Point:
    x: int
    y: str


def use():
    try:
        ormsgpack.unpackb(b"\xc1")
        last = "accepted"
    except ormsgpack.MsgpackDecodeError:
        last = "refused"
    again = ormsgpack.unpackb(ormsgpack.packb({"a": [1, 2.5, None], "b": "ü"}))
    return [ormsgpack.packb(Point(1, "")).hex(), again, last]
