"""JSON by orjson where that means the same, else straight from CPython's C accelerator.

orjson (json_engine.py) works behind `_nb_json`, which gives it only what it reads and writes as the
standard library does; what it refuses goes the standard way, too.

`import json` pulls in `re`, `enum` and `functools` (5-20 ms cold); the accelerator `_json` is built
in and does all the work. Where its result would not be the reference client's (which uses
simplejson), the careful modules take over:

* encoding: `marshal.dumps` is a check in C that every object has an exact built-in type, that
  nothing is circular, and that nothing is nested deeper than 2,000. Subclasses (namedtuple, enums),
  Decimal and the like fail it and go to `json_careful`; so does whatever the C encoder refuses
  (sets, bytes keys).
* decoding: only errors need the careful scanner, for simplejson's wording.
"""

from __future__ import annotations

import marshal
from _json import encode_basestring, make_encoder, scanstring
from _json import make_scanner as _make_scanner

from native_bootstrap.runtime import json_engine

_MARSHAL_VERSION = 2  # the first with binary floats, the last without a table of references


def _reject_constant(name: str) -> object:
    raise ValueError(name)


def _refuse(value: object) -> object:
    raise TypeError(type(value).__name__)


class _ScannerSettings:
    """What the C scanner reads its options from."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_reject_constant)


_scan = _make_scanner(_ScannerSettings())  # type: ignore[arg-type]
# markers=None: circular structures never get here, see the marshal check above.
_spaced = make_encoder(None, _refuse, encode_basestring, None, ": ", ", ", False, False, True)
_compact = make_encoder(None, _refuse, encode_basestring, None, ":", ",", False, False, True)


def encode(value: object, *, compact: bool = False) -> str:
    """The value as JSON text; simplejson's exceptions for what has no JSON form."""
    try:
        marshal.dumps(value, _MARSHAL_VERSION)  # type: ignore[arg-type]
        text: str = "".join((_compact if compact else _spaced)(value, 0))
    except (TypeError, ValueError):
        from native_bootstrap.runtime import json_careful  # lazy: rare, and imports decimal's type

        return json_careful.encode(value, compact=compact)
    return text


def write(value: object) -> bytes:
    """A response's body, without spaces, as orjson does it; UnicodeEncodeError for a lone
    surrogate, which no UTF-8 can hold."""
    if json_engine.checked is not None:
        try:
            body: bytes = json_engine.checked.dumps(value, json_engine.dumps)
        except (TypeError, ValueError):  # or it cannot do it: the standard library decides
            pass
        else:
            return body
    body = encode(value, compact=True).encode()
    json_engine.done(len(body))
    return body


def decode(body: bytes) -> object:
    """The event; ValueError with simplejson's message for anything that is not JSON."""
    if json_engine.checked is None:
        json_engine.done(len(body))
    if json_engine.checked is not None:
        try:
            return json_engine.checked.loads(body, json_engine.loads)
        except ValueError:  # as above
            pass
    return _decode(body)


def _decode(body: bytes) -> object:
    text = str(body, "utf-8")
    try:
        start = 0
        if text[:1] in "\ufeff \t\n\r":  # also true for "", which fails below
            start = _skip_space(text, 1 if text[:1] == "\ufeff" else 0)
        value, end = _scan(text, start)
        if end != len(text) and _skip_space(text, end) != len(text):
            raise ValueError(end)
    except (ValueError, StopIteration):
        from native_bootstrap.runtime import json_faults  # lazy: only for a broken event

        json_faults.explain(text)
        raise
    return value


def _skip_space(text: str, position: int) -> int:
    end = len(text)
    while position < end and text[position] in " \t\n\r":
        position += 1
    return position


__all__ = ["decode", "encode", "encode_basestring", "scanstring", "write"]
