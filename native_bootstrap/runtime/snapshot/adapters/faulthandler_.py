"""faulthandler: what it was told at import, it is told again: its signal handlers are the kernel's.

Its tables in the image say that all is done, so each is taken back first.
"""

from __future__ import annotations

import _signal
import sys

from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Call = tuple[tuple[Any, ...], dict[str, Any]]

_FATAL = ("SIGSEGV", "SIGFPE", "SIGABRT", "SIGBUS", "SIGILL")
_LIBC = (32, 33, 34)  # the C library's own

_patches = Patches()
_enabled: list[Call] = []
_registered: dict[int, Call] = {}
_module: Any = None


def prepare() -> None:
    global _module  # noqa: PLW0603
    _module = sys.modules["faulthandler"]
    for name, make in (
        ("enable", _enabling),
        ("disable", _disabling),
        ("register", _registering),
        ("unregister", _unregistering),
    ):
        _patches.replace(_module, name, make)


def freeze() -> None:
    _patches.undo()
    if _module.is_enabled() and not _enabled:  # by an option of the interpreter
        _enabled.append(((), {}))


def restore() -> None:
    for arguments, options in _enabled:
        _module.disable()
        _module.enable(*arguments, **options)
    for number, (arguments, options) in _registered.items():
        _module.unregister(number)
        _module.register(number, *arguments, **options)


def handled(kind: str, detail: str) -> bool:
    """The observer finds handlers that Python's `signal` does not know: true if all are these."""
    if kind != "state" or "signal" not in detail:
        return False
    with open("/proc/self/status") as file:  # noqa: PTH123
        masks = [line.split()[1] for line in file if line.startswith("SigCgt:")]
    fatal = [getattr(_signal, name) for name in _FATAL] if _enabled else []
    ours = {*fatal, *_registered, *_LIBC}
    return all(
        number in ours or callable(_signal.getsignal(number))
        for number in range(1, _signal.NSIG)
        if int(masks[0], 16) >> (number - 1) & 1
    )


def _enabling(original: Any) -> Any:
    def enable(*arguments: Any, **options: Any) -> None:
        original(*arguments, **options)
        _enabled[:] = [(arguments, options)]

    return enable


def _disabling(original: Any) -> Any:
    def disable() -> Any:
        _enabled.clear()
        return original()

    return disable


def _registering(original: Any) -> Any:
    def register(signum: int, *arguments: Any, **options: Any) -> None:
        original(signum, *arguments, **options)
        _registered[signum] = (arguments, options)

    return register


def _unregistering(original: Any) -> Any:
    def unregister(signum: int) -> Any:
        _registered.pop(signum, None)
        return original(signum)

    return unregister
