"""Audit events of the interpreter that say something about an image.

`sys.addaudithook` has no opposite, and a hook costs every `open`, `import` and `compile` of the
running program. The C core takes ours out of the interpreter's list of hooks.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    from native_bootstrap.runtime.snapshot.observer import Observer

_takers: list[Callable[[str, tuple[object, ...], FrameType], None]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _takers and event != "sys._getframe":
        _takers[0](event, arguments, sys._getframe(1))  # noqa: SLF001


# With globals of its own: where the hook cannot be taken out, it does not hold this module.
_Function: Callable[..., Any] = type(_hook)
_lonely_hook = _Function(_hook.__code__, {"_takers": _takers, "sys": sys})


def install(taker: Callable[[str, tuple[object, ...], FrameType], None]) -> None:
    """Call `taker(event, arguments, innermost frame)`."""
    _takers[:] = [taker]
    sys.addaudithook(_lonely_hook)


def remove(forget: Callable[[object], object] | None) -> None:
    """As if there had never been a hook. `forget`: the core's way to take it out."""
    _takers.clear()
    if forget is not None:
        forget(_lonely_hook)


_THREADS = ("_thread.start_new_thread", "_thread.start_joinable_thread")
_PROCESSES = (
    "subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn",
    "os.spawn", "pty.spawn",
)  # fmt: skip
_CONNECTIONS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr",
            "socket.getnameinfo")  # fmt: skip
_CHANGES = (
    "os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr",
)  # fmt: skip
_LISTINGS = ("os.listdir", "os.scandir")
_MARKS = {"socket.__new__": "socket", "mmap.__new__": "mmap", "resource.setrlimit": "limit",
          "resource.prlimit": "limit"}  # fmt: skip
_WRITES = posix.O_WRONLY | posix.O_RDWR | posix.O_CREAT | posix.O_TRUNC
_LOCAL = ("", "localhost", "127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104 - only compared
_RANDOM = ("/dev/urandom", "/dev/random")
_HARMLESS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/stdin", "/dev/stdout", "/dev/stderr")
_GETENV = ("getenv", "secure_getenv", "environ")
_IMPORTER = ("<frozen importlib", "<frozen zipimport")
_OUR_ENVIRONMENT = ("native_bootstrap.runtime.environment", "native_bootstrap.runtime.snapshot.")


class Events:
    """Turns audit events into offences, or into memories of where a thing was made."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._sleeping: tuple[int, int] | None = None
        self.has_getenv = False
        self.handlers: dict[str, Callable[[tuple[object, ...], FrameType], None]] = {
            **dict.fromkeys(_THREADS, self._offence("thread", "starts a thread")),
            **dict.fromkeys(_PROCESSES, self._offence("process", "starts a process")),
            **dict.fromkeys(_LOOKUPS, self._offence("network", "looks up a network address")),
            **dict.fromkeys(_CONNECTIONS, self._offence("network", "uses the network")),
            **dict.fromkeys(_CHANGES, self._change),
            **dict.fromkeys(_LISTINGS, self._listing),
            **{event: self._mark(mark) for event, mark in _MARKS.items()},
            "socket.gethostname": self._offence("machine", "reads the host's name"),
            "socket.bind": self._bind,
            "open": self._open,
            "sqlite3.connect": self._database,
            "os.putenv": self._putenv,
            "os.unsetenv": self._putenv,
            "time.sleep": self._sleep,
            "ctypes.dlsym": self._look_up,
        }

    def take(self, event: str, arguments: tuple[object, ...], frame: FrameType) -> None:
        self.handlers[event](arguments, frame)

    def is_sleeping(self, frame: FrameType) -> bool:
        """True if `frame` is just calling `time.sleep`, which looks at the clock."""
        return self._sleeping == (id(frame), frame.f_lasti)

    def _offence(self, kind: str, detail: str) -> Callable[[tuple[object, ...], FrameType], None]:
        def take(arguments: tuple[object, ...], frame: FrameType) -> None:  # noqa: ARG001
            self._report(kind, detail, frame)

        return take

    def _report(self, kind: str, detail: str, frame: FrameType) -> None:
        self._observer.offence(kind, detail, self._observer.place(frame))

    def _mark(self, mark: str) -> Callable[[tuple[object, ...], FrameType], None]:
        def take(arguments: tuple[object, ...], frame: FrameType) -> None:  # noqa: ARG001
            self._observer.ledger.remember(mark, self._observer.place(frame))

        return take

    def _bind(self, arguments: tuple[object, ...], frame: FrameType) -> None:
        address = arguments[1] if len(arguments) > 1 else None
        if not isinstance(address, tuple) or not address or address[0] not in _LOCAL:
            self._report("network", "uses the network", frame)

    def _sleep(self, arguments: tuple[object, ...], frame: FrameType) -> None:  # noqa: ARG002
        self._sleeping = (id(frame), frame.f_lasti)

    def _look_up(self, arguments: tuple[object, ...], frame: FrameType) -> None:  # noqa: ARG002
        self.has_getenv = self.has_getenv or arguments[-1] in _GETENV

    def _open(self, arguments: tuple[object, ...], frame: FrameType) -> None:
        path = _path(arguments[0])
        flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
        if path is None or frame.f_code.co_filename.startswith(_IMPORTER):
            return
        self._observer.ledger.remember("file", self._observer.place(frame), path)
        if path in _HARMLESS:
            return
        if path in _RANDOM:
            self._report("entropy", f"reads {path}", frame)
        elif flags & _WRITES:
            self._report("filesystem", f"writes {path}", frame)
        elif not is_program_file(path):
            self._report("machine", f"reads {path}", frame)

    def _listing(self, arguments: tuple[object, ...], frame: FrameType) -> None:
        path = _path(arguments[0] if arguments and arguments[0] is not None else ".")
        if path is None or frame.f_code.co_filename.startswith(_IMPORTER):
            return
        if not is_program_file(path):
            self._report("machine", f"lists {path}", frame)

    def _change(self, arguments: tuple[object, ...], frame: FrameType) -> None:
        if frame.f_code.co_filename.startswith(_IMPORTER):
            return  # bytecode; a bootstrap writes none
        self._report("filesystem", f"changes {_path(arguments[0]) or 'a file'}", frame)

    def _database(self, arguments: tuple[object, ...], frame: FrameType) -> None:
        path = arguments[0]
        if path in (":memory:", "", b":memory:", b"") or "mode=memory" in str(path):
            return
        self._report("filesystem", f"opens the database {path}", frame)

    def _putenv(self, arguments: tuple[object, ...], frame: FrameType) -> None:
        module = str(frame.f_globals.get("__name__"))
        if module != "os" and not module.startswith(_OUR_ENVIRONMENT):
            name = arguments[0]
            text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            self._report("state", f"sets {text} behind os.environ", frame)


def is_program_file(path: str) -> bool:
    """True below the function's folder and the interpreter's: the same on Lambda."""
    roots = (posix.environ.get(b"LAMBDA_TASK_ROOT", b"/var/task").decode(), sys.prefix)
    return any(path == root or path.startswith(root + "/") for root in roots)


def _path(value: object) -> str | None:
    """An absolute path; None for a descriptor."""
    if isinstance(value, int):
        return None
    path = posix.fspath(value)  # type: ignore[call-overload]
    text: str = path.decode("utf-8", "surrogateescape") if isinstance(path, bytes) else path
    if not text.startswith("/"):
        text = posix.getcwd() + "/" + text
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)
