"""The report of an initialisation: one JSON object a line, written at once.

The process may die at any moment, so nothing is buffered. It may also have closed the descriptor:
then the build side sees no `done`, and makes no image.
"""

from __future__ import annotations

import posix
import time
from _json import make_scanner

from native_bootstrap.runtime import json_codec

_CHUNK = 1 << 16
_RETRY_SECONDS = 0.001


class _Settings:
    """What the C scanner reads its options from."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


class Stream:
    """Lines to the descriptor `fd`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def write(self, event: str, **fields: object) -> None:
        line = json_codec.encode({"event": event, **fields}) + "\n"
        # JSON text has no raw line ends; a lone surrogate becomes \udXXX, which is JSON again.
        data = line.encode("utf-8", "backslashreplace")
        while data:
            data = data[self._put(data[:_CHUNK]) :]

    def _put(self, data: bytes) -> int:
        try:
            return posix.write(self.fd, data)
        except BlockingIOError:  # somebody made it non-blocking
            time.sleep(_RETRY_SECONDS)
            return 0
        except OSError:  # somebody closed it
            return len(data)


def read_plan(path: str) -> dict[str, object]:
    """The plan's fields; whatever went wrong is raised."""
    fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        parts = []
        while part := posix.read(fd, _CHUNK):
            parts.append(part)
    finally:
        posix.close(fd)
    # Not json_codec.decode(): for large documents that loads orjson, which may be the user's.
    plan: dict[str, object]
    plan, _ = make_scanner(_Settings())(b"".join(parts).decode(), 0)  # type: ignore[arg-type]
    return plan
