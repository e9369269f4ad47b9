"""Rules and pins as data: the TOML files beside this module."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib


@cache
def load(name: str) -> dict[str, Any]:
    """The content of ``<name>.toml``."""
    text = (Path(__file__).parent / f"{name}.toml").read_text("utf-8")
    return dict(tomllib.loads(text))
