"""tempfile: names are drawn from a generator of this process's own."""

from __future__ import annotations

import sys


def freeze() -> None:
    sys.modules["tempfile"]._name_sequence = None  # type: ignore[attr-defined]  # noqa: SLF001
