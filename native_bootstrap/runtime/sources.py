"""Source lines for compiled modules: tracebacks and `inspect.getsource` read them through
`linecache`.

Modules run from bytecode need nothing: their loader has `get_source`. Modules compiled to C have a
loader that knows no archive, so when `linecache` is first imported their files get lazy entries in
its cache (its own format for sources that come from a loader: a one-element tuple with a function
that returns the text).
"""

from __future__ import annotations

import _nb_archive

from native_bootstrap.runtime import importer, watch

_COMPILED = 16  # archive flag: the module's code is in the program, the archive holds its source


class _Source:
    """A compiled module's source text, read when called."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self) -> str:
        return importer.source_text(self._name)


def install() -> None:
    """Prepare `linecache` for compiled modules the moment it is imported."""
    watch.when_imported("linecache", _fill_linecache)


def _fill_linecache() -> None:
    import linecache  # already there: this runs at the end of its import

    for name in _nb_archive.names():
        entry = _nb_archive.find(name)
        if entry is not None and entry.flags & _COMPILED:
            linecache.cache[importer.file_of(entry)] = (_Source(name),)
