"""The hooks of AWS's package `snapshot_restore_py` 1.0.0: same names, same lists, same results.

Lambda's managed Python has that package, an OS-only runtime does not. A bootstrap whose function
does not bring it along has this module under its name (`build_scripts.contents`), so code that was
written for SnapStart works as it is, and there is one registry in either case.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Function = Callable[..., Any]
    Hook = tuple[Function, tuple[Any, ...], dict[str, Any]]

__all__ = ["register_after_restore", "register_before_snapshot"]

_before_snapshot_registry: list[Hook] = []
_after_restore_registry: list[Hook] = []


def register_before_snapshot(func: Function, *args: Any, **kwargs: Any) -> Function:
    """Call `func(*args, **kwargs)` before the image is made; the last one registered comes first.

    Works as a decorator, too.
    """
    _before_snapshot_registry.append((func, args, kwargs))
    return func


def register_after_restore(func: Function, *args: Any, **kwargs: Any) -> Function:
    """Call `func(*args, **kwargs)` in each process that begins from the image, in this order.

    Works as a decorator, too.
    """
    _after_restore_registry.append((func, args, kwargs))
    return func


def get_before_snapshot() -> list[Hook]:
    """The hooks that have not run yet, in the order of registration."""
    return _before_snapshot_registry


def get_after_restore() -> list[Hook]:
    """The hooks, in the order of registration."""
    return _after_restore_registry
