"""numpy.random: the module's own generator is seeded again, unless the function has seeded it.

Numbers drawn from it at import are seen by the observer as entropy of whoever draws. Generators of
the function's own, without a seed, have none of this: making one at import is entropy, too, and
left to the running process.
"""

from __future__ import annotations

import posix
import sys

from native_bootstrap.runtime.snapshot import adapters
from native_bootstrap.runtime.snapshot.adapters import reads
from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()
_generator: Any = None
_first: Any = None  # the generator's state after import
_is_seeded = True  # by the system


def prepare() -> None:
    global _generator, _first  # noqa: PLW0603
    package: Any = sys.modules["numpy.random"]
    _generator = package.mtrand._rand  # noqa: SLF001
    _first = _position()
    for module in (package, package.mtrand):
        for name, value in list(vars(module).items()):
            if name in ("seed", "set_state"):
                _patches.replace(module, name, _setting)
            elif getattr(value, "__self__", None) is _generator:
                _patches.replace(module, name, _drawing)


def freeze() -> None:
    _patches.undo()
    if _is_seeded and _position() != _first:
        raise adapters.Refused("numbers were drawn from numpy.random's own generator at import")


def restore() -> None:
    if _is_seeded:
        _generator.seed()


def has_own_seed() -> bool:
    """Whether the module's generator goes on with a seed of the function's own."""
    return not _is_seeded


def _position() -> Any:
    state = _generator.get_state(legacy=False)
    return state["state"]["key"].tobytes(), state["state"]["pos"], state["gauss"]


def _setting(original: Any) -> Any:
    def set_seed(*arguments: Any, **options: Any) -> Any:
        global _is_seeded, _first  # noqa: PLW0603
        values = [*arguments, *options.values()]
        _is_seeded = not values or values[0] is None
        with adapters.care("numpy"):
            result = original(*arguments, **options)
        _first = _position()
        return result

    return set_seed


def _drawing(original: Any) -> Any:
    def draw(*arguments: Any, **options: Any) -> Any:
        global _first  # noqa: PLW0603
        if not _is_seeded:
            return original(*arguments, **options)
        reads.report("entropy", ("numpy",), posix.urandom, 1)
        result = original(*arguments, **options)
        _first = _position()  # it has been seen
        return result

    return draw
