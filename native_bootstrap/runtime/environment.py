"""Environment variables without `import os`.

`os` costs about a millisecond at start (`_collections_abc`, `posixpath`, `stat`) and a plain
handler never needs it. `os.environ` is a copy of `posix.environ` taken when `os` is imported, so:
while `os` is absent, `posix.environ` is the truth; afterwards `os.environ` is.
"""

from __future__ import annotations

import posix
import sys

_ENCODING = (
    "utf-8"  # the filesystem encoding of every Linux Python ≥ 3.7; `os.fsencode` says the same
)
_ERRORS = "surrogateescape"


def get(name: str) -> str | None:
    """The variable's value as `os.environ.get` would give it."""
    os = sys.modules.get("os")
    if os is not None:
        value: str | None = os.environ.get(name)
        return value
    raw = posix.environ.get(name.encode(_ENCODING, _ERRORS))
    return None if raw is None else raw.decode(_ENCODING, _ERRORS)


def put(name: str, value: str) -> None:
    """Set a variable for this process, its children and C libraries (`putenv`)."""
    os = sys.modules.get("os")
    if os is not None:
        os.environ[name] = value
        return
    raw_name, raw_value = name.encode(_ENCODING, _ERRORS), value.encode(_ENCODING, _ERRORS)
    posix.putenv(raw_name, raw_value)
    posix.environ[raw_name] = raw_value


def remove(name: str) -> None:
    """Delete a variable; absent is fine."""
    os = sys.modules.get("os")
    if os is not None:
        if name in os.environ:
            del os.environ[name]
        return
    raw_name = name.encode(_ENCODING, _ERRORS)
    if posix.environ.pop(raw_name, None) is not None:
        posix.unsetenv(raw_name)
