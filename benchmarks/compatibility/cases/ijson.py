"""Reads JSON as a stream."""

import io
from decimal import Decimal

import ijson

EXPECTED = ["yajl2_c", [1, 2], "1.5", "refused"]


def use():
    data = b'{"items": [{"n": 1}, {"n": 2}], "x": 1.5}'
    numbers = [item["n"] for item in ijson.items(io.BytesIO(data), "items.item")]
    value = next(ijson.items(data, "x"))
    assert isinstance(value, Decimal)
    try:
        list(ijson.parse(b"[1,"))
        last = "accepted"
    except ijson.IncompleteJSONError:
        last = "refused"
    return [ijson.backend_name, numbers, str(value), last]
