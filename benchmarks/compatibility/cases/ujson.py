"""Writes and reads JSON."""

import ujson

EXPECTED = ['{"a":[1,2.5,null,true],"b":"\\u00fc"}', {"a": [1, {"b": -7}]}, "refused"]


def use():
    try:
        ujson.loads("[1,")
        last = "accepted"
    except ujson.JSONDecodeError:
        last = "refused"
    return [
        ujson.dumps({"a": [1, 2.5, None, True], "b": "ü"}),
        ujson.loads('{"a":[1,{"b":-7}]}'),
        last,
    ]
