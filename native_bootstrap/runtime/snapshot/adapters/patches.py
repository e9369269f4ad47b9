"""What stands in for a library's own functions while the image is made."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ABSENT: Any = object()
_Module = type(sys)


class Patches:
    """Replaced attributes of modules and classes, and the way back."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put `make(original)` in place; AttributeError where there is no such attribute."""
        own = vars(owner).get(name, _ABSENT)
        replacement = make(getattr(owner, name) if own is _ABSENT else own)
        self._done.append((owner, name, own, replacement))
        setattr(owner, name, replacement)

    def undo(self) -> None:
        """Put the originals back, also where a module has taken a function over by its name."""
        taken: dict[int, Any] = {}
        while self._done:
            owner, name, original, replacement = self._done.pop()
            if original is _ABSENT:
                delattr(owner, name)
                continue
            setattr(owner, name, original)
            if isinstance(owner, _Module):
                taken[id(replacement)] = original
        if not taken:
            return
        for module in list(sys.modules.values()):
            space = module.__dict__ if isinstance(module, _Module) else {}
            for name, value in list(space.items()):
                if id(value) in taken:
                    space[name] = taken[id(value)]
