"""platform: what it has found out about the machine is found out again.

While the image is made nothing is kept from one call to the next, so that the observer sees who
asks: the second caller of `platform.node()` as well as the first. And no process is started: what
Lambda's `uname -p` prints is the machine, and its image has no `file`.
"""

from __future__ import annotations

import os
import sys

from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()


def prepare() -> None:
    module: Any = sys.modules["platform"]
    _patches.replace(module, "uname", _forgetting)
    _patches.replace(module._Processor, "from_subprocess", _of_the_machine)  # noqa: SLF001
    _patches.replace(module, "_syscmd_file", _without_file)


def freeze() -> None:
    _patches.undo()
    _forget()


def _forget() -> None:
    module: Any = sys.modules["platform"]
    module._uname_cache = None  # noqa: SLF001
    module._platform_cache.clear()  # noqa: SLF001


def _of_the_machine(original: Any) -> Any:  # noqa: ARG001
    def from_subprocess() -> str:
        return os.uname().machine

    return from_subprocess


def _without_file(original: Any) -> Any:  # noqa: ARG001
    return lambda target, default="": default  # noqa: ARG005


def _forgetting(original: Any) -> Any:
    def uname() -> Any:
        _forget()
        return original()

    return uname
