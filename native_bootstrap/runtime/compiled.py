"""What code compiled by Nuitka needs of the standard library, done when it is needed.

Nuitka's own patches import `inspect` and `typing`, 10 ms of every cold start; most handlers use
neither. They are applied at the end of the first `import inspect` (see core/nb_nuitka.c), except
for the one below, which `collections`, `enum` and `typing` need as well.
"""

from __future__ import annotations

import _frozen_importlib as _bootstrap
import sys

import _nb_nuitka

from native_bootstrap.runtime import watch
from native_bootstrap.runtime.importer import ArchiveFinder


def install() -> None:
    """Call once, after the compiled modules have been added to the program."""
    _archive_first()
    sys._getframemodulename = _module_of_frame  # type: ignore[attr-defined]  # noqa: SLF001
    watch.when_imported("inspect", _nb_nuitka.patch)


def _archive_first() -> None:
    """Nuitka's finder looks for extension modules in the folders of compiled packages, and those
    that it finds it loads its own way: with its own loader, and only where there are folders."""
    sys.meta_path.remove(ArchiveFinder)
    sys.meta_path.insert(sys.meta_path.index(_bootstrap.FrozenImporter) + 1, ArchiveFinder)


def _module_of_frame(depth: int = 0) -> str | None:
    """`sys._getframemodulename`: the module that calls `namedtuple`, `Enum`, `NewType` …

    The interpreter's own reads it from a frame's function, which compiled frames do not have: a
    named tuple would think it is of `__main__` and could not be pickled.
    """
    try:
        frame = sys._getframe(depth + 1)  # noqa: SLF001
    except ValueError:
        return None
    name: str | None = frame.f_globals.get("__name__")
    return name
