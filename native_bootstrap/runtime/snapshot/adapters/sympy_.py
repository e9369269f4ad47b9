"""sympy: two processes of one image do not give their Dummy symbols the same numbers.

The numbers begin at a random place that is drawn at import, so that symbols of different processes
differ when they are pickled. Symbols of the image keep theirs; new ones begin above all of them.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPAN = 9 * 10**6  # in which sympy draws the place


def restore() -> None:
    dummy: Any = sys.modules["sympy.core.symbol"].Dummy
    dummy._base_dummy_index += 1 + int(dummy._prng.random() * _SPAN)  # noqa: SLF001
