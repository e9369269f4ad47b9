"""aws_xray_sdk: the recorder's socket, its daemon's address, the file that tells Lambda of it."""

from __future__ import annotations

import contextlib
import posix
import sys
import weakref

from native_bootstrap.runtime.snapshot import adapters
from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()
_emitters: list[tuple[weakref.ref[Any], tuple[Any, ...], tuple[Any, Any]]] = []
_folder: list[str] = []


def prepare() -> None:
    module: Any = sys.modules["aws_xray_sdk.core.recorder"]
    _patches.replace(module, "check_in_lambda", _noting_folder)
    _patches.replace(module.UDPEmitter, "__init__", _without_socket)


def freeze() -> None:
    _patches.undo()


def restore() -> None:
    for reference, address, before in _emitters:
        emitter = reference()
        if emitter is not None:
            _open(emitter)
            if (emitter._ip, emitter._port) == before:  # noqa: SLF001 - nobody has set another
                emitter.set_daemon_address(*address)
    for folder in _folder:
        _touch(folder)


def _noting_folder(original: Any) -> Any:
    def check_in_lambda() -> Any:
        with adapters.care("xray"):
            context = original()
        if context is not None:
            folder = sys.modules["aws_xray_sdk.core.lambda_launcher"].TOUCH_FILE_DIR
            _folder[:] = [folder]
        return context

    return check_in_lambda


def _without_socket(original: Any) -> Any:
    def initialise(self: Any, *address: Any, **named: Any) -> None:
        with adapters.care("xray"):
            original(self, *address, **named)
        self._socket.close()
        given = (*address, *named.values()) or original.__defaults__
        _emitters.append((weakref.ref(self), given, (self._ip, self._port)))

    return initialise


def _open(emitter: Any) -> None:
    """As its `__init__` does."""
    socket: Any = sys.modules["socket"]
    emitter._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # noqa: SLF001
    emitter._socket.setblocking(False)  # noqa: SLF001


def _touch(folder: str) -> None:
    path = f"{folder.rstrip('/')}/initialized"
    try:
        with contextlib.suppress(FileExistsError):
            posix.mkdir(folder)
        posix.close(posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC, 0o666))
        posix.utime(path)
    except OSError:  # the library only warns
        return
