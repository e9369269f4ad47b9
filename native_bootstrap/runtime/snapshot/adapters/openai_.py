"""openai: the key with which its Bedrock clients tell one credential from another.

A client of the image takes its credential for a changed one once, and looks at it again.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def restore() -> None:
    module: Any = sys.modules["openai.lib.bedrock"]
    if hasattr(module, "_LEGACY_SIGNATURE_KEY"):
        module._LEGACY_SIGNATURE_KEY = posix.urandom(32)  # noqa: SLF001
