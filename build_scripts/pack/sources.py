"""The table of sources, and the folder of verified archives below the cache."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build_scripts import cache, process
from build_scripts.log import Log
from native_bootstrap.errors import SourceHashError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).with_name("sources.toml")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One upstream archive; ``sha256`` decides, ``size`` is only for telling the user."""

    name: str
    version: str
    file: str
    size: int
    sha256: str
    licence: str
    licence_files: tuple[str, ...]
    folder: str
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    debian_package: str = ""
    debian_version: str = ""

    @property
    def summary(self) -> dict[str, object]:
        """What pack.json says about it."""
        return {
            "version": self.version,
            "file": self.file,
            "sha256": self.sha256,
            "licence": self.licence,
        }


def load(table: Path = TABLE) -> dict[str, Source]:
    """All sources by name."""
    rows: dict[str, dict[str, Any]] = tomllib.loads(table.read_text(encoding="utf-8"))
    return {name: _source(name, dict(row)) for name, row in rows.items()}


def _source(name: str, row: dict[str, Any]) -> Source:
    debian = row.pop("debian", {})
    for key in ("licence_files", "names", "urls"):
        row[key] = tuple(row.get(key, ()))
    return Source(
        name=name,
        debian_package=debian.get("package", ""),
        debian_version=debian.get("version", ""),
        **row,
    )


def folder() -> Path:
    """Where verified archives are kept."""
    return cache.root() / "sources"


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_here(source: Source) -> bool:
    """Whether the cache has the archive, whole (0.3 s for all of them)."""
    path = folder() / source.file
    return path.is_file() and sha256_of(path) == source.sha256


def check(source: Source, path: Path, origin: str) -> None:
    """Raise SourceHashError unless ``path`` holds the bytes that the table asks for."""
    found = sha256_of(path)
    if found != source.sha256:
        raise SourceHashError(
            f"{origin} has the wrong content for {source.name} {source.version}:\n"
            f"  expected sha256 {source.sha256}\n  got      sha256 {found}",
            hint="delete or replace that file; it is damaged or is another version",
        )


def unpack(source: Source, into: Path, *, log: Log, log_file: Path | None = None) -> Path:
    """Extract the verified archive below ``into``; return its top folder.

    Upstream's file times are not kept: make must never see a file from the future.
    """
    into.mkdir(parents=True, exist_ok=True)
    archive = folder() / source.file
    check(source, archive, str(archive))
    process.run(
        ["tar", "-x", "--no-same-owner", "-f", archive, "-C", into],
        log=log,
        log_file=log_file,
        what=f"unpacking {source.file}",
    )
    return into / source.folder
