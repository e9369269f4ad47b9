"""asyncio: an event loop made at import is one of this process.

A loop that nobody has used is no more than an epoll and a pair of sockets. At build time it has
none of them until it is used; each process that begins from the image makes them. One that has been
used keeps what it has, and is found.
"""

from __future__ import annotations

import sys
import weakref

from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()
_loops: list[weakref.ref[Any]] = []
_current: list[tuple[Any, dict[str, Any]]] = []  # what `asyncio.get_event_loop()` knows


def prepare() -> None:
    loop = sys.modules["asyncio.unix_events"]._UnixSelectorEventLoop  # noqa: SLF001
    _patches.replace(loop, "__init__", _put_to_sleep)
    _patches.replace(loop, "close", _woken_first)


def freeze() -> None:
    _patches.undo()
    policy: Any = sys.modules["asyncio.events"]._event_loop_policy  # noqa: SLF001
    local = getattr(policy, "_local", None)
    if local is not None:
        _current.append((policy, dict(vars(local))))


def restore() -> None:
    for reference in _loops:
        loop = reference()
        if loop is not None:
            _wake(loop)
    for policy, known in _current:  # a forked child has forgotten it
        vars(policy._local).update(known)  # noqa: SLF001


class _Asleep:
    """In place of a loop's selector: wakes the loop as soon as somebody wants something of it."""

    __slots__ = ("_loop",)

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        _wake(self._loop)
        return getattr(self._loop._selector, name)  # noqa: SLF001


def _put_to_sleep(original: Any) -> Any:
    def initialise(self: Any, selector: Any = None) -> None:
        original(self, selector)
        if selector is None:
            self._close_self_pipe()
            self._selector.close()
            self._selector = _Asleep(self)
            _loops.append(weakref.ref(self))

    return initialise


def _woken_first(original: Any) -> Any:
    def close(self: Any) -> None:
        if not self.is_closed():
            _wake(self)
        original(self)

    return close


def _wake(loop: Any) -> None:
    """As its `__init__` does."""
    if isinstance(loop._selector, _Asleep):  # noqa: SLF001
        loop._selector = sys.modules["selectors"].DefaultSelector()  # noqa: SLF001
        loop._make_self_pipe()  # noqa: SLF001
