"""bson (pymongo): object ids of two processes count from different numbers.

The random part of an id is drawn anew in a process with another id, by the library itself.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def restore() -> None:
    module: Any = sys.modules["bson.objectid"]
    module.ObjectId._inc = int.from_bytes(posix.urandom(3), "big")  # noqa: SLF001
