"""What an image does not hold of its process: taken down before the dump, done again after it.

A restored process is a forked child with another parent: `PyOS_AfterFork_Child` has run before
`thaw`. What a fork child inherits from its parent's kernel state and this process does not (signal
dispositions, environment, arguments, working directory …) is replayed here. `thaw` imports nothing
and is on the path of every cold start.
"""

# ruff: noqa: PLW0603 - the state of one process, in the image

from __future__ import annotations

import _signal
import posix
import sys
import time

from native_bootstrap.runtime.snapshot import adapters, hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Environment writes of the function's modules, in their order; None: the variable was deleted.
# `initialise` fills it.
written: dict[str, str | None] = {}

_STREAMS = (("__stdin__", "rb"), ("__stdout__", "wb"), ("__stderr__", "wb"))
_UTC = (b"UTC", b"UTC0", b":UTC", b":UTC0", b"GMT", b"GMT0", b":GMT")
_TERMINAL = 8  # of `_nb_snapshot.streams`
_OWN_SIGNALS = ("SIGINT", "SIGPIPE", "SIGXFSZ")  # what the interpreter itself sets at start

_began: dict[str, object] = {}
_environment: list[tuple[bytes, bytes | None]] = []
_blocked: set[int] = set()
_streams = 0
_zone: bytes | None = None
_folder: str | None = None
_mask: int | None = None
_adapters: tuple[Callable[[], None], ...] = ()


def begin() -> None:
    """Take down how the process is before the function's modules are imported (build)."""
    own = [getattr(_signal, name) for name in _OWN_SIGNALS]
    for number in range(1, _signal.NSIG):
        # What the builder's shell ignores (nohup …) is no business of the function's.
        if _signal.getsignal(number) == _signal.SIG_IGN and number not in own:
            _signal.signal(number, _signal.SIG_DFL)
    del sys.argv[1:], sys.orig_argv[1:]
    _began.update(folder=posix.getcwd(), mask=_current_mask(), argv=list(sys.argv))
    adapters.begin()


def freeze() -> None:
    """Take down what each process has to do again (build, the last thing before the dump).

    Runs the function's before-snapshot hooks first; an exception of theirs comes out: no image.
    """
    import _nb_snapshot

    global _zone, _folder, _mask, _adapters, _streams
    hooks.run_before_snapshot()
    _adapters = adapters.freeze()
    for name, value in written.items():
        raw = None if value is None else value.encode("utf-8", "surrogateescape")
        _environment.append((name.encode("utf-8", "surrogateescape"), raw))
    folder, mask = posix.getcwd(), _current_mask()
    _folder = folder if folder != _began.get("folder", folder) else None
    _mask = mask if mask != _began.get("mask", mask) else None
    zone = posix.environ.get(b"TZ")
    _zone = zone if zone in _UTC else b""  # any other one is read from files that may differ
    _blocked.update(_signal.pthread_sigmask(_signal.SIG_BLOCK, ()))
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
    _streams = _nb_snapshot.streams()
    _forget_folders()


def thaw(arguments: list[str]) -> None:
    """Make the image this process's own: the first thing that it does.

    The function's own hooks (`hooks.run_after_restore`) come later, once the runtime's log is the
    running function's.
    """
    import _nb_snapshot  # builtin, and already there

    _nb_snapshot.refresh_environ(posix.environ)
    for name, value in _environment:
        _write(name, value)
    if posix.environ.get(b"TZ") != _zone:
        time.tzset()
    if sys.argv == _began["argv"]:  # else a module has put something of its own there
        sys.argv[1:] = arguments
    sys.orig_argv[1:] = arguments
    _set_executable()
    _enter()
    streams = _nb_snapshot.streams()
    if streams != _streams:
        _renew_streams(streams ^ _streams, bool(streams & _TERMINAL))
    for restore in _adapters:
        restore()


def _enter() -> None:
    """What the kernel keeps of a process and a fork child would have inherited."""
    if _folder is not None:
        posix.chdir(_folder)
    if _mask is not None:
        posix.umask(_mask)
    if _blocked:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _blocked)


def _current_mask() -> int:
    mask = posix.umask(0o77)
    posix.umask(mask)
    return mask


def _write(name: bytes, value: bytes | None) -> None:
    if value is not None:
        posix.putenv(name, value)
        posix.environ[name] = value
    elif posix.environ.pop(name, None) is not None:
        posix.unsetenv(name)


def _set_executable() -> None:
    try:
        program = posix.readlink("/proc/self/exe")
    except OSError:  # no /proc
        return
    if program != sys.executable:
        sys.executable = sys._base_executable = program  # type: ignore[attr-defined]  # noqa: SLF001


def _renew_streams(changed: int, is_terminal: bool) -> None:
    """What a stream's file object finds out once and keeps."""
    for fd, (name, _) in enumerate(_STREAMS):
        if changed & 1 << fd:
            _reopen(fd, name)
    if changed & _TERMINAL and sys.__stdout__ is not None:
        sys.__stdout__.reconfigure(line_buffering=is_terminal)


def _reopen(fd: int, name: str) -> None:
    """Let the stream's objects, which anybody may hold, look at their descriptor anew."""
    stream = getattr(sys, name)
    try:
        buffer = stream.buffer
        raw = getattr(buffer, "raw", buffer)
        label, old = raw.name, raw
        raw = type(raw)(fd, dict(_STREAMS)[name], closefd=False)  # the old one keeps what it found
        options = {key: getattr(stream, key) for key in ("encoding", "errors", "line_buffering")}
        raw.name = label
        if buffer is old:
            buffer = raw
        else:
            buffer.__init__(raw)
        stream.__init__(buffer, newline="\n", write_through=stream.write_through, **options)
    except (AttributeError, ValueError):  # closed, or replaced by something of the function's own
        return


def _forget_folders() -> None:
    """The import system's listings of folders are the build machine's."""
    sys.path_importer_cache.clear()
    external = sys.modules["_frozen_importlib_external"]
    external._NamespacePath._epoch += 1  # noqa: SLF001
    metadata = sys.modules.get("importlib.metadata")
    if metadata is not None:
        metadata.MetadataPathFinder.invalidate_caches()
