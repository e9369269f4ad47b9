"""Run a callback the moment a module has been imported for the first time.

This is how the root logger is set up without importing `logging` (10-30 ms cold) for handlers that
never use it: the set-up runs inside the user's own `import logging`, under its import lock, before
that statement returns, so no program can tell the difference.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_callbacks: dict[str, list[Callable[[], None]]] = {}


def when_imported(name: str, callback: Callable[[], None]) -> None:
    """Call `callback` once: now if the module is there, else at the end of its first import.

    Several callbacks for one module are called in the order in which they came.
    """
    if name in sys.modules:
        callback()
        return
    _callbacks.setdefault(name, []).append(callback)
    if _Watcher not in sys.meta_path:
        sys.meta_path.insert(0, _Watcher)


class _Watcher:
    """A meta path entry that finds nothing itself; it only lends the watched modules' loaders a
    tail."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _callbacks:
            return None
        for finder in list(sys.meta_path):
            if finder is _Watcher:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _TailLoader(spec.loader)  # type: ignore[assignment]
                return spec
        return None


class _TailLoader:
    """Stands in for a loader until the module has run, then calls back."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)  # for whoever only asks for the spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        callbacks = _callbacks.pop(module.__name__, ())
        if not _callbacks and _Watcher in sys.meta_path:
            sys.meta_path.remove(_Watcher)
        for callback in callbacks:
            callback()
