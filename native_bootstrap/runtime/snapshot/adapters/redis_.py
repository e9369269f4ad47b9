"""redis: connection pools made at import have a name of their own in each process.

They hold no connection until they are used, and find out by themselves that they are in a forked
child.
"""

from __future__ import annotations

import posix
import sys
import weakref

from native_bootstrap.runtime.snapshot import adapters
from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()
_pools: list[weakref.ref[Any]] = []


def prepare() -> None:
    _patches.replace(sys.modules["redis.connection"].ConnectionPool, "__init__", _noting)


def freeze() -> None:
    _patches.undo()
    _pools[:] = [one for one in _pools if hasattr(one(), "_pool_id")]


def restore() -> None:
    for reference in _pools:
        pool = reference()
        if pool is not None:
            pool._pool_id = posix.urandom(4).hex()  # noqa: SLF001 - as its __init__ does


def _noting(original: Any) -> Any:
    def initialise(self: Any, *arguments: Any, **options: Any) -> None:
        _pools.append(weakref.ref(self))
        with adapters.care("redis"):
            original(self, *arguments, **options)

    return initialise
