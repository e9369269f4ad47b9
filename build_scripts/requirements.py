"""What a project asks for: requirements files, the lock file, or pyproject.toml."""

from __future__ import annotations

import json
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache, local_sources
from build_scripts.scratch import private_folder
from native_bootstrap.errors import ConfigError, ResolutionError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NESTED = re.compile(r"(?:-r|-c|--requirements?|--constraints?)[ =]*(\S+)")
PLACES = re.compile(r"(?:-i|-f|--index-url|--extra-index-url|--find-links|--no-index)\b")
PYLOCK = re.compile(r"pylock(\.[^.]+)?\.toml")
NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)")
PINNED = re.compile(rf"{NAME.pattern}(?:\[[^]]*\])? *== *([^\s;*]+)")


@dataclass(frozen=True, kw_only=True)
class Request:
    """``origin``: for messages; ``lines``: the logical lines of all files; ``arguments``: for uv.

    ``key`` stands for everything the result depends on, as far as the project decides it;
    ``local``: the folders and archives of this machine among it; ``files``: those that a
    requirements file names with ``-r`` and ``-c``. A uv.lock has to be exported first (``is_lock``,
    see :meth:`exported`). The lines of a pylock.toml are made from it; uv reads the file itself.
    """

    origin: str
    lines: tuple[str, ...]
    arguments: tuple[str, ...]
    key: str
    folder: Path
    is_lock: bool = False
    local: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def prefers_wheels(self) -> bool:
        """pip's ``--prefer-binary``, which uv does not have."""
        return "--prefer-binary" in self.lines

    def wants_source_of(self, package: str) -> bool:
        """pip's ``--no-binary``."""
        lines = [line for line in self.lines if line.startswith("--no-binary")]
        words = {normalise(w) for line in lines for w in re.split(r"[ =,]+", line)[1:]}
        return not words.isdisjoint((normalise(package), normalise(":all:")))

    @property
    def looking_again(self) -> list[str]:
        """uv's flags to see what has changed in ``local``."""
        return [flag for place in self.local for flag in local_sources.refresh(place)]

    def exported(self, listing: Path) -> Request:
        """This request once uv has written its lock file to ``listing``."""
        lines = tuple(_lines(listing, frozenset()))
        return replace(self, lines=lines, arguments=("-r", str(listing)), is_lock=False)

    def listing(self, folder: Path) -> Path:
        """The file for commands that read no pylock.toml; one is made in ``folder`` if need be."""
        if not is_pylock(Path(self.origin)):
            return Path(self.arguments[-1])
        made = folder / "pylock.txt"
        made.write_text("\n".join([*self.lines, ""]), "utf-8")
        return made

    @contextmanager
    def only(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Arguments that install ``lines`` and nothing else, from the places of this request."""
        with private_folder() as scratch:
            listing = scratch / "requirements.txt"
            listing.write_text("\n".join([*self.places, *lines, ""]), "utf-8")
            yield ["--no-deps", "-r", str(listing), *self.looking_again]

    @property
    def places(self) -> tuple[str, ...]:
        """The lines that say where packages are looked for; they also hold in another folder."""
        return tuple(self._absolute(line) for line in self.lines if PLACES.match(line))

    def _absolute(self, line: str) -> str:
        option, _, value = line.replace("=", " ", 1).partition(" ")
        path = self.folder / value
        return f"{option} {path}" if value and "://" not in value and path.exists() else line

    def pinned(self, package: str) -> str:
        """The version that a line pins ``package`` to; "" for any other."""
        for line in self.lines:
            found = PINNED.match(line)
            if found and normalise(found[1]) == normalise(package):
                return found[2]
        return ""

    def line_of(self, package: str, version: str) -> str:
        """The line with the hashes of ``package``; "" without hashes.

        Lock files have several lines of one package where versions depend on markers.
        """
        for line in self.lines:
            found = PINNED.match(line)
            is_it = found and normalise(found[1]) == normalise(package) and found[2] == version
            if is_it and "--hash" in line:
                return line
        return ""


def normalise(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find(project: Path, chosen: Path | None = None) -> Request | None:
    """What ``-r`` names, requirements.txt, pylock.toml, uv.lock, or [project] dependencies."""
    if chosen is not None:
        if not chosen.is_file():
            raise UsageError(f"no such requirements file: {chosen}", hint="check the path after -r")
        return _from_file(chosen)
    for name in ("requirements.txt", "pylock.toml"):
        if (project / name).is_file():
            return _from_file(project / name)
    return _from_pyproject(project)


def _from_file(path: Path) -> Request | None:
    if path.name == "pyproject.toml":
        return _from_pyproject(path.parent)
    if is_pylock(path):
        return _from_pylock(path)
    lines = tuple(_lines(path, frozenset()))
    if not any(_asks(line) for line in lines):
        return None
    local = local_sources.of_lines(lines, path.parent)
    return Request(
        origin=path.name,
        lines=lines,
        arguments=("-r", str(path.resolve())),
        key=cache.content_key(*lines, *map(local_sources.content, local)),
        folder=path.parent.resolve(),
        local=local,
        files=tuple(_files(path, frozenset())),
    )


def is_pylock(path: Path) -> bool:
    """PEP 751: pylock.toml, pylock.NAME.toml."""
    return bool(PYLOCK.fullmatch(path.name))


def _from_pylock(path: Path) -> Request | None:
    try:
        packages = tomllib.loads(path.read_text("utf-8")).get("packages", [])
        lines = tuple(_locked_lines(packages, path.parent))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ConfigError(f"{path} is not a valid lock file (PEP 751): {error}") from error
    if not packages:
        return None
    local = local_sources.of_lines(lines, path.parent)
    return Request(
        origin=path.name,
        lines=lines,
        arguments=("-r", str(path.resolve())),
        key=cache.content_key("pylock", path, *map(local_sources.content, local)),
        folder=path.parent.resolve(),
        local=local,
    )


def _locked_lines(packages: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    """The packages of a pylock.toml as requirements."""
    for package in packages:
        line = _locked(package, folder)
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        digests = [f"--hash={kind}:{d}" for f in files for kind, d in f.get("hashes", {}).items()]
        marker = f" ; {package['marker']}" if "marker" in package else ""
        yield " ".join([f"{line}{marker}", *digests])


def _locked(package: dict[str, Any], folder: Path) -> str:
    name = package["name"]
    if "directory" in package:
        return f"{name} @ {(folder / package['directory']['path']).resolve().as_uri()}"
    if "vcs" in package:
        vcs = package["vcs"]
        return f"{name} @ {vcs['type']}+{vcs['url']}@{vcs['commit-id']}"
    if "archive" in package:
        archive = package["archive"]
        return f"{name} @ {archive.get('url') or (folder / archive['path']).resolve().as_uri()}"
    return f"{name}=={package['version']}"


def _asks(line: str) -> bool:
    """Whether a line names something to install (the rest are options and constraints)."""
    return line.startswith(("-e", "--editable")) or not line.startswith("-")


def _lines(path: Path, above: frozenset[Path]) -> Iterator[str]:
    """Logical lines of a requirements file and of those that it names; comments removed."""
    if path in above:
        return
    for line in _own_lines(path):
        inner = _named(line, path)
        if inner is not None:
            constrains = line.startswith(("-c", "--constraint"))
            for found in _lines(inner, above | {path}):
                yield f"-c {found}" if constrains else found
        else:
            yield line


def _files(path: Path, above: frozenset[Path]) -> Iterator[Path]:
    """The files that a requirements file names, and those that these name."""
    for inner in (_named(line, path) for line in _own_lines(path)):
        if inner is not None and inner not in above:
            yield inner
            yield from _files(inner, above | {path, inner})


def _named(line: str, path: Path) -> Path | None:
    """The file that a line of ``path`` stands for."""
    nested = NESTED.match(line)
    return path.parent / nested[1] if nested and "://" not in nested[1] else None


def _own_lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text (byte {error.start})",
            hint="save it as UTF-8 (`>` of PowerShell 5 writes UTF-16)",
        ) from error
    physical = text.replace("\\\n", " ").splitlines()
    lines = (" ".join(re.sub(r"(^|\s)#.*", "", raw).split()) for raw in physical)
    return [line for line in lines if line]


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
        local = tuple(local_sources.of_lock(lock))
        contents = map(local_sources.content, local)
        return Request(
            origin="uv.lock",
            lines=(),
            arguments=(),
            key=cache.content_key("uv.lock", lock, json.dumps(wanted), *contents),
            folder=project,
            is_lock=True,
            local=local,
        )
    about = json.dumps([wanted, table.get("tool", {}).get("uv", {})], sort_keys=True, default=str)
    local = tuple(local_sources.of_table(table, project))
    contents = map(local_sources.content, local)
    key = cache.content_key(about, *([path] if is_dynamic else []), *contents)
    return Request(
        origin="pyproject.toml",
        lines=tuple(wanted),
        arguments=("-r", str(path.resolve())),
        key=key,
        folder=project,
        local=local,
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
