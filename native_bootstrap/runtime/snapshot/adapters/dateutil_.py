"""dateutil: what a year of two digits means is counted from this year, not from the build's."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def restore() -> None:
    info: Any = sys.modules["dateutil.parser._parser"].DEFAULTPARSER.info
    info._year = time.localtime().tm_year  # noqa: SLF001 - as its __init__ does
    info._century = info._year // 100 * 100  # noqa: SLF001
