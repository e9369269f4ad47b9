"""The function's own hooks around the image: `snapshot_restore_py`, whoever provides it.

They run only where there is an image, as on Lambda they run only with SnapStart: a program that
starts the normal way, or a module whose import was left to the running process, has none to call.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from native_bootstrap.runtime.snapshot.registry import Function

_NAME = "snapshot_restore_py"


def registry() -> ModuleType:
    """The module `snapshot_restore_py`: AWS's where the function has it, else ours."""
    module = sys.modules.get(_NAME)
    if module is None:
        try:
            module = __import__(_NAME)
        except ModuleNotFoundError:  # an ordinary Python: a bootstrap always has it
            from native_bootstrap.runtime.snapshot import registry as ours

            module = sys.modules[_NAME] = ours
    return module


def register_before_snapshot(func: Function, *args: Any, **kwargs: Any) -> Function:
    """Call `func(*args, **kwargs)` before the image is made; see `registry`."""
    registry().register_before_snapshot(func, *args, **kwargs)
    return func


def register_after_restore(func: Function, *args: Any, **kwargs: Any) -> Function:
    """Call `func(*args, **kwargs)` in each process that begins from the image; see `registry`."""
    registry().register_after_restore(func, *args, **kwargs)
    return func


def run_before_snapshot() -> None:
    """Each hook once, the last one first. An exception ends it: there will be no image."""
    module = sys.modules.get(_NAME)
    if module is None:
        return
    hooks = module.get_before_snapshot()
    while hooks:  # a hook may register another
        function, arguments, options = hooks.pop()
        function(*arguments, **options)


def run_after_restore() -> None:
    """Each hook in order. An exception ends it, and is for the caller to report, as an init error
    of the type `faults.AFTER_RESTORE_ERROR`."""
    module = sys.modules.get(_NAME)
    if module is None:
        return
    for function, arguments, options in module.get_after_restore():
        function(*arguments, **options)
