"""Source lines for tracebacks, warnings and `inspect.getsource`, which read them through
`linecache`.

Its files are not on disk, modules compiled to C have a loader that knows no archive, and warnings
never ask a loader. So when `linecache` is first imported, every file whose source the archive has
gets a lazy entry in its cache (its own format for sources that come from a loader: a one-element
tuple with a function that returns the text).
"""

from __future__ import annotations

import _nb_archive

from native_bootstrap.runtime import importer, watch

_HAS_SOURCE = 8  # archive flags
_COMPILED = 16
# What the file names in bytecode begin with, fixed at build time; those of compiled code begin with
# the task root.
_BUILT_FOR = "/var/task"


class _Source:
    """A module's source text, read when called."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self) -> str:
        return importer.source_text(self._name)


def install() -> None:
    """Prepare `linecache` the moment it is imported."""
    watch.when_imported("linecache", _fill_linecache)


def _fill_linecache() -> None:
    import linecache  # already there: this runs at the end of its import

    for name in _nb_archive.names():
        entry = _nb_archive.find(name)
        if entry is None or not entry.flags & _HAS_SOURCE:
            continue
        file = importer.file_of(entry)
        if not entry.flags & _COMPILED and not entry.path.startswith("/"):
            file = f"{_BUILT_FOR}/{entry.path}"
        linecache.cache[file] = (_Source(name),)
