"""The JSON codec against the standard library and against simplejson's rules."""

from __future__ import annotations

import collections
import decimal
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from native_bootstrap.runtime import json_careful, json_codec, json_faults

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 - what handlers return


@given(JSON_VALUES)
def test_encoders_agree_with_the_standard_library(value):
    text = json.dumps(value, ensure_ascii=False)
    assert json_codec.encode(value) == text
    assert json_careful.encode(value) == text
    assert json_careful.encode_ascii(value) == json.dumps(value)
    short = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert json_codec.encode(value, compact=True) == short
    assert json_careful.encode(value, compact=True) == short


@given(JSON_VALUES)
def test_decode_reads_what_was_written(value):
    body = json.dumps(value).encode()
    assert json_codec.decode(body) == value
    assert json_codec.decode(b"\xef\xbb\xbf \t\r\n" + body + b"\n") == value


@given(st.text(alphabet='{}[]",:\\ \n\t0123456789.-+eEntrufalsN/ué\x01', max_size=30))
def test_decode_accepts_what_the_standard_library_accepts(text):
    def refuse(name):
        raise ValueError(name)

    try:
        wanted = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(ValueError, match=r": line \d+ column \d+"):
            json_codec.decode(text.encode())
    else:
        assert json_codec.decode(text.encode()) == wanted
        assert json_faults.explain(text) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (decimal.Decimal("1.10"), "1.10"),
        ({"n": decimal.Decimal("NaN")}, '{"n": NaN}'),
        (decimal.Decimal("-Infinity"), "-Infinity"),
        (Point(1, Point("é", None)), '{"x": 1, "y": {"x": "é", "y": null}}'),
        ({b"k": b"v"}, '{"k": "v"}'),
        ([math.nan, math.inf, -math.inf], "[NaN, Infinity, -Infinity]"),
        ({2: 1, None: 2, True: 3, 1.5: 4}, '{"2": 1, "null": 2, "true": 3, "1.5": 4}'),
        ("\ud800", '"\ud800"'),
    ],
)
def test_encode_special_values(value, text):
    assert json_codec.encode(value) == text


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ({1}, TypeError, "Object of type set is not JSON serializable"),
        ([{"a": [object()]}], TypeError, "Object of type object is not JSON serializable"),
        ({(1,): 1}, TypeError, "keys must be str, int, float, bool or None, not tuple"),
        ([10**5000], ValueError, "Exceeds the limit"),
    ],
    ids=["set", "object", "key", "digits"],
)
def test_encode_refuses(value, error, message):
    with pytest.raises(error, match=message):
        json_codec.encode(value)


def test_circular_structures_are_refused():
    items: list[object] = []
    items.append({"again": items})
    with pytest.raises(ValueError, match="Circular reference detected"):
        json_codec.encode(items)


def test_shared_parts_are_not_circular():
    part = Point(1, 2)
    assert json_codec.encode([part, part]) == '[{"x": 1, "y": 2}, {"x": 1, "y": 2}]'


def test_lone_surrogates_survive_as_escapes():
    assert json_careful.encode_ascii({"a": "\ud800é"}) == '{"a": "\\ud800\\u00e9"}'


def test_a_broken_large_event_is_explained():
    body = b'{"a": "' + b"x" * 40_000 + b'"'
    with pytest.raises(ValueError, match="Expecting ',' delimiter or '}': line 1 column 40009"):
        json_codec.decode(body)
