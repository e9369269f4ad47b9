"""Writes and reads JSON."""

import dataclasses
import datetime
import uuid

import orjson

EXPECTED = [
    '{"a":[1,2.5,null],"d":"2026-01-01T00:00:00Z","p":{"x":1},"u":"00000000-0000-0000-0000-000000000007"}',
    {"a": "ü\n"},
    True,
]


@dataclasses.dataclass
class Point:
    x: int


def use():
    day = datetime.datetime(2026, 1, 1)
    value = {"p": Point(1), "a": [1, 2.5, None], "d": day, "u": uuid.UUID(int=7)}
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
    try:
        orjson.loads("[1,")
        refused = False
    except orjson.JSONDecodeError:
        refused = True
    return [orjson.dumps(value, option=options).decode(), orjson.loads('{"a": "ü\\n"}'), refused]
