"""Whether code besides pydantic-settings may look at all variables that its sources have read.

A settings class guards its fields' variables. Its source keeps all of them, as ``env_vars``, and a
function or a source of the user's (``settings_customise_sources``) can take others from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

READER = "pydantic_settings"
_ATTRIBUTE = b"env_vars"


def take_all(sources: Iterable[Path], sites: Iterable[Path]) -> bool:
    """True if a module of the project, or one of a dependency that knows the package, names it."""
    folders = [site for site in sites if (site / READER).is_dir()]
    if not folders:
        return False
    if any(path.suffix == ".py" and _ATTRIBUTE in path.read_bytes() for path in sources):
        return True
    for folder in folders:
        for path in folder.rglob("*.py"):
            if path.relative_to(folder).parts[0] != READER:
                text = path.read_bytes()
                if _ATTRIBUTE in text and READER.encode() in text:
                    return True
    return False
