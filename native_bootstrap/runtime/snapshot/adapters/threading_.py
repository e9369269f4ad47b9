"""threading: the main thread's native id, which a forked child of 3.13 does not set anew."""

from __future__ import annotations

import _thread
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Thread

_main: Thread


def prepare() -> None:
    global _main  # noqa: PLW0603
    _main = sys.modules["threading"].main_thread()


def restore() -> None:
    _main._native_id = _thread.get_native_id()  # type: ignore[attr-defined]  # noqa: SLF001
