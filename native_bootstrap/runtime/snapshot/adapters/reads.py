"""Which reads of process facts are taken care of, told by who is reading. Build only.

A row: kind of read (and its detail), module whose innermost frame reads, functions of it (None:
any; "<module>": while the module itself is imported), adapter. Read-and-forget counts as taken care
of, too: nothing of it is left in the image.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_IMPORT = ("<module>",)
# Functions of `platform` that are the same on every machine the program can run on.
_SAME_EVERYWHERE = (
    "system", "machine", "processor", "architecture", "libc_ver", "python_version",
    "python_implementation", "_sys_version", "win32_ver", "mac_ver", "java_ver",
)  # fmt: skip
_ROWS: tuple[tuple[str, str, tuple[str, ...] | None, str], ...] = (
    ("entropy", "random", _IMPORT, "random"),
    ("entropy", "multiprocessing.process", _IMPORT, "multiprocessing"),
    ("entropy", "ssl", None, "ssl"),
    ("entropy", "tempfile", ("_get_default_tempdir",), "tempfile"),
    ("clock", "logging", None, "logging"),
    ("pid", "logging", None, "logging"),
    ("pid", "tempfile", None, "tempfile"),
    ("pid", "multiprocessing.util", None, "multiprocessing"),
    ("machine", "platform", _SAME_EVERYWHERE, "platform"),
    ("machine", "sysconfig", None, "platform"),
    ("machine", "concurrent.futures.thread", None, "concurrent"),
    ("machine", "urllib3.util.connection", None, "urllib3"),
    ("socket", "urllib3.util.connection", _IMPORT, "urllib3"),
    ("clock", "botocore.retries.throttling", None, "botocore"),
    ("environment AWS_EXECUTION_ENV", "botocore.session", None, "botocore"),
)
_OURS = "native_bootstrap.runtime.snapshot."
# What only passes a read on: `os.process_cpu_count`, `os.environ.get` …
_TRANSPARENT = frozenset(("os", "posixpath", "collections.abc", "_collections_abc"))


def handled(kind: str, detail: str) -> str | None:
    """The adapter for the read that goes on right now, if there is one."""
    frames = list(_frames())
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


def _frames() -> Iterator[tuple[str, str]]:
    """Module and function of each frame, innermost first, without the observer's."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    inside = True
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        inside = inside and (module.startswith(_OURS) or module in _TRANSPARENT)
        if not inside:
            yield module, frame.f_code.co_name
        frame = frame.f_back
