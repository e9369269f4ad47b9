"""logging: records count their time from the start of this process.

Locks are made anew by its at-fork hook, process ids are read for each record. What Lambda says
about the log's format and level is the runtime's to read (`loop.Runtime`).
"""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_module: Any = None


def prepare() -> None:
    global _module  # noqa: PLW0603
    _module = sys.modules["logging"]


def restore() -> None:
    in_nanoseconds = type(_module._startTime) is int  # noqa: SLF001 - since 3.13
    _module._startTime = time.time_ns() if in_nanoseconds else time.time()  # noqa: SLF001
