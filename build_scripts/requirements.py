"""What a project asks for: requirements files, the lock file, or pyproject.toml."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache
from build_scripts.modules import scan
from native_bootstrap.errors import ConfigError, ResolutionError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

NESTED = re.compile(r"(?:-r|-c|--requirements?|--constraints?)[ =]*(\S+)")
PLACES = re.compile(r"(?:-i|-f|--index-url|--extra-index-url|--find-links|--no-index)\b")
NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, kw_only=True)
class Request:
    """``origin``: for messages; ``lines``: the logical lines of all files; ``arguments``: for uv.

    ``key`` stands for everything the result depends on, as far as the project decides it. A locked
    request has to be exported first (``is_lock``).
    """

    origin: str
    lines: tuple[str, ...]
    arguments: tuple[str, ...]
    key: str
    folder: Path
    is_lock: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """The lines that say where packages are looked for; they also hold in another folder."""
        return tuple(self._absolute(line) for line in self.lines if PLACES.match(line))

    def _absolute(self, line: str) -> str:
        option, _, value = line.replace("=", " ", 1).partition(" ")
        path = self.folder / value
        return f"{option} {path}" if value and "://" not in value and path.exists() else line

    def line_of(self, package: str) -> str:
        """The line with the hashes of ``package``; "" without hashes."""
        for line in self.lines:
            found = NAME.match(line)
            if found and normalise(found[1]) == normalise(package) and "--hash" in line:
                return line
        return ""


def normalise(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find(project: Path, chosen: Path | None = None) -> Request | None:
    """The request: ``-r FILE``, requirements.txt, uv.lock, [project] dependencies, or None."""
    if chosen is not None:
        if not chosen.is_file():
            raise UsageError(f"no such requirements file: {chosen}", hint="check the path after -r")
        return _from_file(chosen)
    default = project / "requirements.txt"
    if default.is_file():
        return _from_file(default)
    return _from_pyproject(project)


def _from_file(path: Path) -> Request | None:
    if path.name == "pyproject.toml":
        return _from_pyproject(path.parent)
    lines = tuple(_lines(path, frozenset()))
    if not any(_asks(line) for line in lines):
        return None
    local = [content for line in lines for content in _local_content(line, path.parent)]
    key = cache.content_key(*lines, *local)
    return Request(
        origin=path.name,
        lines=lines,
        arguments=("-r", str(path.resolve())),
        key=key,
        folder=path.parent.resolve(),
    )


def _asks(line: str) -> bool:
    """Whether a line names something to install (the rest are options and constraints)."""
    return line.startswith(("-e", "--editable")) or not line.startswith("-")


def _lines(path: Path, above: frozenset[Path]) -> Iterator[str]:
    """Logical lines of a requirements file and of those that it names; comments removed."""
    if path in above:
        return
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start})") from error
    for raw in text.replace("\\\n", " ").splitlines():
        line = " ".join(re.sub(r"(^|\s)#.*", "", raw).split())
        nested = NESTED.match(line)
        if nested and "://" not in nested[1]:
            inner = path.parent / nested[1]
            constrains = line.startswith(("-c", "--constraint"))
            for found in _lines(inner, above | {path}):
                yield f"-c {found}" if constrains else found
        elif line:
            yield line


def _local_content(line: str, base: Path) -> Iterator[str]:
    """Keys of local folders and archives that a line names."""
    text = re.sub(r"^(-e|--editable)[ =]*", "", line)
    text = text.rpartition(" @ ")[2].removeprefix("file://").partition(" ")[0].partition("[")[0]
    if not text or "://" in text:
        return
    path = base / text
    if path.is_dir():
        tree = scan(path, lambda name: name.startswith(".") or "/." in name)
        files = {m.path: m.file for m in tree.modules} | {d.path: d.file for d in tree.others}
        yield cache.content_key(*(part for path in sorted(files) for part in (path, files[path])))
    elif "/" in text and path.is_file():
        yield cache.content_key(path)


def _from_pyproject(project: Path) -> Request | None:
    path = project / "pyproject.toml"
    if not path.is_file():
        return None
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    described = table.get("project", {})
    wanted = described.get("dependencies", [])
    is_dynamic = "dependencies" in described.get("dynamic", [])
    if not wanted and not is_dynamic:
        return None
    for line in wanted:
        _check_line(line, path)
    lock = project / "uv.lock"
    if lock.is_file():
        key = cache.content_key("uv.lock", lock, json.dumps(wanted))
        return Request(
            origin="uv.lock", lines=(), arguments=(), key=key, folder=project, is_lock=True
        )
    about = json.dumps([wanted, table.get("tool", {}).get("uv", {})], sort_keys=True, default=str)
    key = cache.content_key(about, *([path] if is_dynamic else []))
    return Request(
        origin="pyproject.toml",
        lines=tuple(wanted),
        arguments=("-r", str(path.resolve())),
        key=key,
        folder=project,
    )


def _check_line(line: object, path: Path) -> None:
    """uv takes a pyproject.toml that it cannot read for one that it has to build."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(str(line))
    except InvalidRequirement as error:
        reason = " ".join(str(error).split())
        raise ResolutionError(
            f"{path}: {line!r} is not a requirement: {reason}",
            hint="write it like requests>=2.31",
        ) from error
