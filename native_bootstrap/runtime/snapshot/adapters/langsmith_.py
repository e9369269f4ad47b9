"""langsmith: the line between the parts of its uploads is another one in each process.

Users' texts are among the parts: nobody who writes one may know it.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Those who have it by name: the module that draws it, and its readers.
_MODULES = ("langsmith._internal._constants", "langsmith._internal._background_thread",
            "langsmith.client")  # fmt: skip


def restore() -> None:
    boundary = posix.urandom(16).hex()
    for name in _MODULES:
        module: Any = sys.modules.get(name)
        if hasattr(module, "_BOUNDARY"):
            module._BOUNDARY = boundary  # noqa: SLF001
