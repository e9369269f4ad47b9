"""Requirements that are folders or archives of this machine: their content, and a fresh look at it.

uv takes a folder for unchanged as long as its pyproject.toml, setup.py and setup.cfg are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from build_scripts import cache
from build_scripts.modules import scan

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MORE = re.compile(r" (?=;|--)")  # a marker, hashes
_ARCHIVE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._]*)-\d")
# What builds leave beside a source.
_LEFTOVERS = re.compile(r"build/?|(.*/)?[^/]+\.egg-info/?")


def of_lines(lines: Iterable[str], base: Path) -> tuple[Path, ...]:
    """The folders and archives that a requirements file in ``base`` names."""
    found = (of_line(line, base) for line in lines)
    return tuple(place for place in found if place is not None)


def of_line(line: str, base: Path) -> Path | None:
    """The folder or archive that one line names: by its path or URL, alone or after ``NAME @``."""
    text = re.sub(r"^(-e|--editable)[ =]*", "", line)
    text = _MORE.split(text.rpartition(" @ ")[2], maxsplit=1)[0].partition("[")[0]
    if text.startswith("file://"):
        text = unquote(text.removeprefix("file://"))
    is_place = line.startswith(("-e", "--editable", ".")) or " @ " in line or "/" in text
    if not text or "://" in text or not is_place:
        return None
    path = base / text
    return path if path.is_dir() or ("/" in text and path.is_file()) else None


def of_lock(lock: Path) -> Iterator[Path]:
    """The folders that a uv.lock installs, but for the project itself. A damaged one names none."""
    try:
        packages = tomllib.loads(lock.read_text("utf-8")).get("package", [])
        sources = [dict(package.get("source", {})) for package in packages]
    except (OSError, ValueError, TypeError, AttributeError):
        return  # uv will say what is wrong
    for source in sources:
        place = source.get("editable") or source.get("directory") or source.get("path")
        if isinstance(place, str) and (lock.parent / place).exists() and place != ".":
            yield lock.parent / place


def of_table(table: dict[str, Any], project: Path) -> Iterator[Path]:
    """The folders of ``[tool.uv.sources]``."""
    sources = table.get("tool", {}).get("uv", {}).get("sources", {})
    for source in sources.values() if isinstance(sources, dict) else ():
        place = source.get("path") if isinstance(source, dict) else None
        if isinstance(place, str) and (project / place).exists():
            yield project / place


def content(path: Path) -> str:
    """A key that stands for all that is in a folder or archive."""
    if path.is_file():
        return cache.content_key(path)
    tree = scan(path, _is_left_out)
    files = {m.path: m.file for m in tree.modules} | {d.path: d.file for d in tree.others}
    return cache.content_key(*(part for name in sorted(files) for part in (name, files[name])))


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or "/." in name or bool(_LEFTOVERS.fullmatch(name))


def refresh(path: Path) -> tuple[str, ...]:
    """uv's flags to look at it again; of a folder that does not say its name, at everything."""
    name = _name(path)
    return ("--refresh-package", name) if name else ("--refresh",)


def _name(path: Path) -> str:
    """As a folder or archive says it; "" if it does not."""
    if not path.is_dir():
        found = _ARCHIVE.match(path.name)
        return found[1] if found else ""
    try:
        name = tomllib.loads((path / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return name if isinstance(name, str) else ""
