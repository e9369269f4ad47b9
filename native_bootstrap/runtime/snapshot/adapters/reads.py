"""Which reads of process facts are taken care of, told by who is reading. Build only.

A row: kind of read (and its detail), module whose innermost frame reads, functions of it (None:
any; "<module>": while the module itself is imported), adapter. Read-and-forget counts as taken care
of, too: nothing of it is left in the image.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_IMPORT = ("<module>",)
# Functions of `platform` that are the same on every machine the program can run on.
_SAME_EVERYWHERE = (
    "system", "machine", "processor", "architecture", "libc_ver", "python_version",
    "python_implementation", "_sys_version", "win32_ver", "mac_ver", "java_ver",
)  # fmt: skip
_ROWS: tuple[tuple[str, str, tuple[str, ...] | None, str], ...] = (
    ("clock", "logging", None, "logging"),
    ("clock", "loguru._datetime", None, "loguru"),
    ("entropy", "bson.objectid", _IMPORT, "bson"),
    ("entropy", "multiprocessing.process", _IMPORT, "multiprocessing"),
    ("entropy", "numpy.random", _IMPORT, "numpy"),
    ("entropy", "numpy.random._pickle", _IMPORT, "numpy"),  # the first to import the generators
    ("entropy", "openai.lib.bedrock", _IMPORT, "openai"),
    ("entropy", "random", _IMPORT, "random"),
    ("clock", "dateutil.parser._parser", None, "dateutil"),
    ("entropy", "ssl", None, "ssl"),
    ("entropy", "sympy.core.assumptions", ("_ask",), "sympy"),  # in which order facts are tried
    ("entropy", "sympy.core.symbol", ("Dummy", "<module>"), "sympy"),
    ("entropy", "tempfile", ("_get_default_tempdir",), "tempfile"),
    ("environment SSL_CERT_DIR", "ssl", None, "ssl"),
    ("environment SSL_CERT_FILE", "ssl", None, "ssl"),
    ("environment", "wsgiref.handlers", ("BaseHandler",), "wsgiref"),
    ("filesystem", "tempfile", ("_get_default_tempdir",), "tempfile"),
    ("machine", "concurrent.futures.thread", None, "concurrent"),
    ("machine", "platform", _SAME_EVERYWHERE, "platform"),
    ("machine", "sysconfig", None, "platform"),
    ("pid", "logging", None, "logging"),
    ("pid", "multiprocessing.util", None, "multiprocessing"),
    ("pid", "tempfile", None, "tempfile"),
    ("socket", "urllib3.util.connection", _IMPORT, "urllib3"),
)
_OURS = "native_bootstrap.runtime.snapshot."
# What only passes a read on: `os.process_cpu_count`, `os.environ.get`, `import` …
_TRANSPARENT = frozenset((
    "os", "posixpath", "collections.abc", "_collections_abc", "importlib._bootstrap",
    "importlib._bootstrap_external", "_frozen_importlib", "_frozen_importlib_external",
))  # fmt: skip
_OF_SYSTEM_RANDOM = (
    "random", "getrandbits", "randbytes", "randint", "randrange", "choice",
    "_randbelow_with_getrandbits",
)  # fmt: skip


def handled(kind: str, detail: str) -> str | None:
    """The adapter for the read that goes on right now, if there is one."""
    return _row(kind, detail, list(_frames()))


def report(
    kind: str, library: tuple[str, ...], read: Callable[..., object], *values: object
) -> None:
    """Read what a library's user is about to be given, so that the observer sees it and blames him.

    The user is the first one on the stack who is not of `library` (top-level packages). It is for
    him that a line of his is run here: the observer goes by frames.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith(_OURS) and name.partition(".")[0] not in library:
            break
        frame = frame.f_back
    if frame is None or _row(kind, "", list(_frames(frame))) is not None:
        return
    line = compile("\n" * (frame.f_lineno - 1) + "read(*values)", frame.f_code.co_filename, "exec")
    exec(line, {"__name__": name, "read": read, "values": values})  # noqa: S102


def _row(kind: str, detail: str, frames: list[tuple[str, str]]) -> str | None:
    if not frames:
        return None
    reader = frames[0][0]
    names = []
    for module, function in frames:
        if module != reader:
            break
        names.append(function)
    for row_kind, module, functions, adapter in _ROWS:
        if row_kind not in (kind, f"{kind} {detail}") or module != reader:
            continue
        if functions is None or any(name in functions for name in names):
            return adapter
    return None


def _frames(start: FrameType | None = None) -> Iterator[tuple[str, str]]:
    """Module and function of each frame, innermost first, without ours."""
    frame: FrameType | None = start or sys._getframe(1)  # noqa: SLF001
    inside = True
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        function = frame.f_code.co_name
        passes = module in _TRANSPARENT or (module == "random" and function in _OF_SYSTEM_RANDOM)
        if not module.startswith(_OURS) and not (inside and passes):
            inside = False
            yield module, function
        frame = frame.f_back
