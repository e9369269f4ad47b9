"""platform: what it has found out about the machine is found out again.

While the image is made nothing is kept from one call to the next, so that the observer sees who
asks: the second caller of `platform.node()` as well as the first.
"""

from __future__ import annotations

import sys

from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()


def prepare() -> None:
    _patches.replace(sys.modules["platform"], "uname", _forgetting)


def freeze() -> None:
    _patches.undo()
    _forget()


def _forget() -> None:
    module: Any = sys.modules["platform"]
    module._uname_cache = None  # noqa: SLF001
    module._platform_cache.clear()  # noqa: SLF001


def _forgetting(original: Any) -> Any:
    def uname() -> Any:
        _forget()
        return original()

    return uname
