"""Messages as classes."""

import datetime

import proto
from google.protobuf import timestamp_pb2

EXPECTED = ["0a0141", {"title": "A", "pages": [1, 2], "kind": 1}, "2026-01-01T00:00:00+00:00"]


class Kind(proto.Enum):
    NONE = 0
    NOVEL = 1


class Book(proto.Message):
    title = proto.Field(proto.STRING, number=1)
    pages = proto.RepeatedField(proto.INT32, number=2)
    kind = proto.Field(Kind, number=3)
    day = proto.Field(timestamp_pb2.Timestamp, number=4)


def use():
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    book = Book(title="A", pages=[1, 2], kind=Kind.NOVEL, day=day)
    again = Book.deserialize(Book.serialize(book))
    values = {"title": again.title, "pages": list(again.pages), "kind": int(again.kind)}
    return [Book.serialize(Book(title="A")).hex(), values, again.day.isoformat()]
