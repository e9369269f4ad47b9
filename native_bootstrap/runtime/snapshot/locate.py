"""Where something was made, for a pass that is thrown away: calls that no audit event tells of.

The functions are replaced by ones that take down who calls them. That stays wherever a module has
copied the function, so no image is made of such a pass (`plan.Plan.locate`).
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType
    from typing import Any

    Taker = Callable[[str, FrameType, tuple[object, ...]], None]

_OPENERS = ("pipe", "pipe2", "dup", "dup2", "eventfd", "memfd_create", "openpty", "open")
# Module, function: the mark that probes.Ledger looks for.
_MARKS: dict[str, dict[str, str]] = {
    "posix": {
        **dict.fromkeys(_OPENERS, "descriptor"),
        "timerfd_create": "descriptor",
        "nice": "priority",
        "setpriority": "priority",
        "_exit": "exit",
        "abort": "exit",
        "kill": "exit",
    },
    "_signal": {
        "alarm": "interval",
        "setitimer": "interval",
        "set_wakeup_fd": "wakeup",
        "raise_signal": "exit",
    },
    "select": {"epoll": "epoll"},
    "faulthandler": {"enable": "handler", "register": "handler"},
    "_posixshmem": {"shm_open": "descriptor"},
    "_posixsubprocess": {"fork_exec": "child"},
    "_multiprocessing": {"SemLock": "mmap"},
    "random": {},
}
_COPIES = {"posix": "os", "_signal": "signal"}  # modules that have copied all of another's names


class Locator:
    """Tells `taker(mark, the caller's frame, results)` of each call, before and after it."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        for name in list(_MARKS):
            if name in sys.modules:
                self.look_into(name)

    def look_into(self, name: str) -> None:
        """The module has been imported."""
        marks = _MARKS.get(name)
        module = sys.modules.get(name)
        if marks is None or module is None:
            return
        if name == "random":
            marks = _methods_of_random(module)
        copy = sys.modules.get(_COPIES.get(name, ""))
        for function, mark in marks.items():
            original = getattr(module, function, None)
            if original is None:
                continue
            wrapper = _Wrapper(original, mark, self._taker)
            for holder in (module, copy):
                if getattr(holder, function, None) is original:
                    setattr(holder, function, wrapper)


def _methods_of_random(module: ModuleType) -> dict[str, str]:
    generator = getattr(module, "_inst", None)
    return {
        name: "random"
        for name, value in vars(module).items()
        if getattr(value, "__self__", None) is generator is not None
    }


class _Wrapper:
    """Called instead. No function, as that would be a method where a class has it as attribute."""

    def __init__(self, function: Callable[..., Any], mark: str, taker: Taker) -> None:
        self._function = function
        self._mark = mark
        self._taker = taker

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        frame = sys._getframe(1)  # noqa: SLF001
        self._taker(self._mark, frame, ())
        result = self._function(*arguments, **options)
        if type(result) is int or type(result) is tuple:
            made = result if type(result) is tuple else (result,)
            self._taker(self._mark, frame, made)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)
