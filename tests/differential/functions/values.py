"""One response of every kind."""

import array
import collections
import datetime
import decimal
import enum
import fractions
import types
import uuid

Point = collections.namedtuple("Point", "x y")
Decimal = decimal.Decimal


class Number(enum.IntEnum):
    ONE = 1


class Word(str, enum.Enum):
    HELLO = "hello"


class Plain(enum.Enum):
    A = 1


class Flag(enum.IntFlag):
    A = 1
    B = 2


class Text(str):
    def __str__(self):
        return "custom"


class Whole(int):
    def __repr__(self):
        return "custom"

    __str__ = __repr__


class Real(float):
    def __repr__(self):
        return "custom"


class Pair(tuple):
    pass


class Record(dict):
    def _asdict(self):
        return {"as": "dict"}


class Duck:
    def _asdict(self):
        return {"quack": [Point(1, 2)]}


class BadDuck:
    def _asdict(self):
        return [1]


class ForJson:
    def for_json(self):
        return 1


def circular_list():
    items = []
    items.append(items)
    return items


def circular_dict():
    fields = {}
    fields["self"] = fields
    return fields


def circular_tuple():
    items = Point([], 1)
    items.x.append(items)
    return items


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def shared():
    part = {"a": 1}
    return [part, part, (part, part)]


VALUES = {
    "none": lambda: None,
    "true": lambda: True,
    "int": lambda: 42,
    "big-int": lambda: 123456789012345678901234567890,
    "negative": lambda: [-1, -0.0, -1.5],
    "float": lambda: [1.0, 0.1, 1e100, 1e-7, 123456789.123456789, 1e16, 5e-324],
    "nan": lambda: [float("nan"), float("inf"), float("-inf")],
    "text": lambda: "plain",
    "empty-text": lambda: "",
    "non-ascii": lambda: "é ü 漢字 \U0001f600",
    "escapes": lambda: '"\\/\b\f\n\r\t\x00\x1f\x7f\u2028\u2029',
    "bytes": lambda: b"\x00\xffraw",
    "empty-bytes": lambda: b"",
    "bytearray": lambda: bytearray(b"abc"),
    "memoryview": lambda: memoryview(b"abc"),
    "nested-bytes": lambda: {"b": "é".encode(), "l": [b"x"]},
    "nested-bytes-bad": lambda: {"b": b"\xff"},
    "bytes-key": lambda: {b"key": 1},
    "list": lambda: [1, "two", None, True, 2.5, [], {}, [[]], [{}]],
    "tuple": lambda: (1, (2, 3), ()),
    "tuple-subclass": lambda: Pair((1, 2)),
    "dict": lambda: {"b": 1, "a": {"d": 2, "c": [1, {"e": None}]}},
    "int-keys": lambda: {1: "a", -2: "b"},
    "odd-keys": lambda: {True: 1, None: 2, 1.5: 3, False: 4},
    "nan-key": lambda: {float("nan"): 1, float("inf"): 2},
    "enum-key": lambda: {Number.ONE: 1, Word.HELLO: 2},
    "tuple-key": lambda: {(1, 2): 3},
    "decimal-key": lambda: {Decimal("1.5"): 1},
    "decimal": lambda: Decimal("1.10"),
    "decimals": lambda: [Decimal("0"), Decimal("1E+5"), Decimal("-0.00"), Decimal("123456789.12")],
    "decimal-nan": lambda: [Decimal("NaN"), Decimal("-NaN"), Decimal("sNaN")],
    "decimal-inf": lambda: [Decimal("Infinity"), Decimal("-Infinity")],
    "namedtuple": lambda: Point(1, [Point(2, 3)]),
    "namedtuple-in-dict": lambda: {"p": Point("é", None)},
    "int-enum": lambda: [Number.ONE, Flag.A | Flag.B],
    "str-enum": lambda: Word.HELLO,
    "plain-enum": lambda: Plain.A,
    "str-subclass": lambda: {"a": Text("text"), Text("key"): 1},
    "int-subclass": lambda: [Whole(7), {Whole(8): 1}],
    "float-subclass": lambda: [Real(1.5), {Real(2.5): 1}],
    "dict-with-asdict": lambda: Record(a=1),
    "asdict": lambda: Duck(),
    "asdict-class": lambda: Duck,
    "asdict-wrong": lambda: BadDuck(),
    "for-json": lambda: ForJson(),
    "ordered-dict": lambda: collections.OrderedDict(b=1, a=2),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "counter": lambda: collections.Counter("aab"),
    "deque": lambda: collections.deque([1]),
    "mapping-proxy": lambda: types.MappingProxyType({"a": 1}),
    "set": lambda: {1},
    "nested-set": lambda: {"a": [{"b": {1}}]},
    "generator": lambda: (i for i in range(3)),
    "range": lambda: range(3),
    "object": object,
    "function": lambda: len,
    "complex": lambda: 1j,
    "ellipsis": lambda: ...,
    "datetime": lambda: datetime.datetime(2026, 1, 2),
    "uuid": lambda: uuid.UUID(int=1),
    "fraction": lambda: fractions.Fraction(1, 2),
    "exception": lambda: ValueError("x"),
    "array": lambda: array.array("i", [1]),
    "circular-list": circular_list,
    "circular-dict": circular_dict,
    "circular-tuple": circular_tuple,
    "shared": shared,
    "deep": lambda: deep(500),
    "many-digits": lambda: 10**5000,
    "lone-surrogate": lambda: "\ud800",
    "large": lambda: [{"id": i, "name": f"näme {i}", "tags": ["a", None]} for i in range(3000)],
}


def handler(event, context):
    return VALUES[event["value"]]()
