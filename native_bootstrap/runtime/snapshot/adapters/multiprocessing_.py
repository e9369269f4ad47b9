"""multiprocessing: a key of this process's own, and finalisers that are this process's."""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_process: Any = None


def prepare() -> None:
    global _process  # noqa: PLW0603
    _process = sys.modules["multiprocessing.process"]


def restore() -> None:
    config = _process.current_process()._config  # noqa: SLF001
    config["authkey"] = _process.AuthenticationString(posix.urandom(32))
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        for finalizer in util._finalizer_registry.values():  # noqa: SLF001
            finalizer._pid = posix.getpid()  # noqa: SLF001
