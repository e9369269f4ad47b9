"""Who may ask the program for symbols by name, and for which.

``ctypes`` and ``cffi`` look names up while the program runs (``ctypes.pythonapi.PyObject_Repr``,
``ffi.dlopen(None).printf``). A static program has those that its table names, and each of them
keeps code in it: all of them are megabytes. The names stand in the sources that ask, as attributes
or in strings, so a dependency gets those of its words that the program knows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from build_scripts.sources.facts import TYPING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from build_scripts.sources.facts import Facts

ASKING = frozenset({"ctypes", "cffi", "_cffi_backend"})
WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")


def asks(facts: Facts) -> bool:
    """Whether a module imports, anywhere, what can look symbols up."""
    return any(
        name.partition(".")[0] in ASKING and not flags & TYPING for name, _, flags in facts.imports
    )


def words(sources: Iterable[bytes]) -> frozenset[str]:
    """All identifiers in ``sources``, within strings and comments too."""
    return frozenset(word.decode() for source in sources for word in set(WORD.findall(source)))
