"""Large events through orjson, where it is installed and where its result means the same.

orjson turns integers beyond 64 bits into floats, so an event with a run of 19 digits stays with the
standard scanner; whatever orjson refuses (BOM, lone surrogates, errors) does, too.
"""

from __future__ import annotations

import re

_LONG_NUMBER = re.compile(rb"[0-9]{19}")

try:
    import orjson
except ImportError:  # optional at run time
    _loads = None
else:
    _loads = orjson.loads


def decode(body: bytes) -> tuple[bool, object]:
    """(True, the value), or (False, None) if the standard scanner has to do it."""
    if _loads is None or _LONG_NUMBER.search(body) is not None:
        return False, None
    try:
        return True, _loads(body)
    except ValueError:
        return False, None
