"""random: generators that the system has seeded are seeded again, whoever made them.

The module's own generator is seeded by its at-fork hook; others, made at import, here. A number
drawn from one of them at import would be the same in all processes: the observer sees it as entropy
of whoever draws. Generators with a seed of the function's own go on where they are, also the
module's: the hook would have lost that.
"""

from __future__ import annotations

import posix
import sys
import weakref

from native_bootstrap.runtime.snapshot import adapters
from native_bootstrap.runtime.snapshot.adapters import reads
from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_OF_THE_MODULE = ("random", "getrandbits", "seed", "getstate", "setstate")

_patches = Patches()
_seeded: dict[int, Callable[[], Any]] = {}  # generators by the system's seed, by their ids
_others: list[Callable[[], Any]] = []
_own: Any = None
_state: Any = None


def prepare() -> None:
    global _own  # noqa: PLW0603
    module: Any = sys.modules["random"]
    _own = module._inst  # noqa: SLF001
    _note(_own)
    for name in ("random", "getrandbits", "getstate"):
        _patches.replace(module.Random, name, _drawing)
    _patches.replace(module.Random, "seed", _seeding)
    _patches.replace(module.Random, "setstate", _setting)
    for name in _OF_THE_MODULE:
        _patches.replace(module, name, lambda _, name=name: getattr(_own, name))  # type: ignore[misc]


def freeze() -> None:
    global _state  # noqa: PLW0603
    _patches.undo()
    if not _is_seeded(_own):
        _state = _own.getstate()
    _seeded.pop(id(_own), None)
    _others.extend(reference for reference in _seeded.values() if reference() is not None)
    _seeded.clear()


def restore() -> None:
    if _state is not None:
        _own.setstate(_state)
    for reference in _others:
        generator = reference()
        if generator is not None:
            generator.seed()


def has_own_seed() -> bool:
    """Whether the module's generator goes on with a seed of the function's own."""
    return _state is not None


def handled(kind: str, detail: str) -> bool:
    """The observer compares the module's generator from time to time. Here each draw is seen."""
    return kind == "entropy" and "generator" in detail


def _note(generator: Any) -> None:
    _seeded[id(generator)] = weakref.ref(generator)


def _is_seeded(generator: Any) -> bool:
    reference = _seeded.get(id(generator))
    return reference is not None and reference() is generator


def _seeding(original: Any) -> Any:
    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        if a is not None:
            _seeded.pop(id(self), None)
            original(self, a, version)
            return
        _note(self)
        with adapters.care("random"):
            original(self)

    return seed


def _setting(original: Any) -> Any:
    def setstate(self: Any, state: Any) -> None:
        original(self, state)
        _seeded.pop(id(self), None)

    return setstate


def _drawing(original: Any) -> Any:
    def draw(self: Any, *arguments: Any) -> Any:
        if _is_seeded(self):
            reads.report("entropy", ("random",), posix.urandom, 1)
        return original(self, *arguments)

    return draw
