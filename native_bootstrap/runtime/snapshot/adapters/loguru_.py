"""loguru: what a record calls "elapsed" is counted from the start of this process."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def restore() -> None:
    module: Any = sys.modules["loguru._logger"]
    module.start_time = module.aware_now()
