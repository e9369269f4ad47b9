"""Reads JSON."""

import jiter

EXPECTED = [{"a": [1, 2.5, None, True], "ü": 12345678901234567890}, [1, 2], "line 1"]


def use():
    try:
        jiter.from_json(b'{"a": }')
    except ValueError as error:
        where = "line 1" if "line 1 column 7" in str(error) else str(error)
    found = jiter.from_json('{"a": [1, 2.5, null, true], "ü": 12345678901234567890}'.encode())
    return [found, jiter.from_json(b"[1, 2, 3", partial_mode=True)[:2], where]
