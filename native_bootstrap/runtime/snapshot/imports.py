"""Which module is being executed, and modules that may not be executed now.

While observing, `_frozen_importlib._load_unlocked` is wrapped: every import of whatever kind
(archive, Nuitka's umbrella, extension module, builtin) that executes a module goes through it.
"""

from __future__ import annotations

import _frozen_importlib as _bootstrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any, Protocol

    class Watcher(Protocol):
        """What is told about each module."""

        def begin(self, name: str) -> Any: ...
        def end(self, token: Any) -> None: ...
        def fail(self, token: Any, error: BaseException) -> None: ...


class Deferred(BaseException):
    """The module is imported when the process starts, not now.

    No `ImportError`, not even an `Exception`: a module that catches it and goes on without would be
    another one in the image than on Lambda.
    """


_original = _bootstrap._load_unlocked  # type: ignore[attr-defined]  # noqa: SLF001
_watchers: list[Watcher] = []


def _load_unlocked(spec: ModuleSpec) -> ModuleType:
    watcher = _watchers[0]
    token = watcher.begin(spec.name)
    try:
        module: ModuleType = _original(spec)
    except BaseException as error:
        watcher.fail(token, error)
        raise
    watcher.end(token)
    return module


# Warnings and tracebacks leave out the import system's frames by their file. This is one of them.
CODE: CodeType = _load_unlocked.__code__.replace(co_filename="<frozen importlib._bootstrap>")
_load_unlocked.__code__ = CODE


def install(watcher: Watcher) -> None:
    """Tell `watcher` from now on. An exception of `begin` or `end` becomes the import's."""
    _watchers[:] = [watcher]
    _bootstrap._load_unlocked = _load_unlocked  # type: ignore[attr-defined]  # noqa: SLF001


def remove() -> None:
    """Put the import system's own function back."""
    _bootstrap._load_unlocked = _original  # type: ignore[attr-defined]  # noqa: SLF001
    _watchers.clear()
