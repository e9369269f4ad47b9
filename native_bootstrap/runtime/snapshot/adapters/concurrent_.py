"""concurrent.futures: thread pools of the default size have this machine's.

One that has started a thread is refused by the observer; the others hold nothing of the process.
"""

from __future__ import annotations

import sys
import weakref

from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()
_pools: list[weakref.ref[Any]] = []
_class: Any = None


def prepare() -> None:
    global _class  # noqa: PLW0603
    _class = sys.modules["concurrent.futures.thread"].ThreadPoolExecutor
    _patches.replace(_class, "__init__", _noting)


def freeze() -> None:
    _patches.undo()
    _pools[:] = [reference for reference in _pools if reference() is not None]


def restore() -> None:
    size = 0
    for reference in _pools:
        pool = reference()
        if pool is not None:
            size = size or _class()._max_workers  # noqa: SLF001
            pool._max_workers = size  # noqa: SLF001


def _noting(original: Any) -> Any:
    def initialise(self: Any, max_workers: int | None = None, *more: Any, **options: Any) -> None:
        original(self, max_workers, *more, **options)
        if max_workers is None:
            _pools.append(weakref.ref(self))

    return initialise
