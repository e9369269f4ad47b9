"""A finished pack on disk: where everything lies, and whether it is still whole."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build_scripts import cache
from build_scripts.pack.sources import sha256_of

INFO = "pack.json"
# Sizes and times of the files as they lay when this machine's pack was published: the cheap check.
STAMP = ".stamp.json"
ARCHIVES = (
    *("libssl.a", "libcrypto.a", "libsqlite3.a", "liblzma.a", "libbz2.a", "libz.a", "libffi.a"),
)


@dataclass(frozen=True, kw_only=True)
class Pack:
    """The static CPython for one target. ``root`` is the folder ``<python>-<arch>-<key>``."""

    root: Path
    key: str
    base_key: str  # the same without bin/python3.13, so that it outlives changes of the C core
    arch: str
    version: str  # of CPython, as in 3.13.5
    info: dict[str, Any]

    @property
    def short_version(self) -> str:
        return ".".join(self.version.split(".")[:2])

    @property
    def python(self) -> Path:
        """The pack's own interpreter; runs on this machine only when the target is this machine."""
        return self.root / "bin" / f"python{self.short_version}"

    @property
    def include(self) -> Path:
        return self.root / "include" / f"python{self.short_version}"

    @property
    def lib(self) -> Path:
        """All archives, crt1.o and libc.a included: the ``libc`` of Toolchain.link."""
        return self.root / "lib"

    @property
    def archives(self) -> tuple[Path, ...]:
        """What a program of this pack links: libpython with all modules built in, then the rest."""
        names = (f"libpython{self.short_version}.a", *ARCHIVES)
        return tuple(self.lib / name for name in names)

    @property
    def stdlib(self) -> Path:
        return self.root / "lib" / f"python{self.short_version}"

    @property
    def licenses(self) -> Path:
        return self.root / "licenses"


def folder() -> Path:
    """Where packs lie."""
    return cache.root() / "packs"


def read(root: Path) -> Pack | None:
    """The pack in ``root``, or None when there is none (its files are not looked at)."""
    try:
        info = json.loads((root / INFO).read_text(encoding="utf-8"))
        return Pack(
            root=root,
            key=info["key"],
            base_key=info["base_key"],
            arch=info["arch"],
            version=info["sources"]["python"]["version"],
            info=info,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def manifest(root: Path) -> dict[str, list[int | str]]:
    """Size and sha256 of every file of a pack that is being published; goes into pack.json."""
    return {
        str(path.relative_to(root)): [path.stat().st_size, sha256_of(path)]
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in (INFO, STAMP, cache.STAMP)
    }


def stamp(root: Path) -> None:
    """Note sizes and times, for :func:`is_intact`."""
    files = json.loads((root / INFO).read_text(encoding="utf-8"))["files"]
    (root / STAMP).write_text(json.dumps(_stats(root, files)))


def is_intact(pack: Pack) -> bool:
    """Whether no file is missing or was touched since the pack was published (10 ms).

    Files that came later, such as ``__pycache__``, do no harm.
    """
    try:
        stamped = json.loads((pack.root / STAMP).read_text())
        return bool(stamped == _stats(pack.root, pack.info["files"]))
    except (OSError, ValueError, KeyError):
        return False


def damage(pack: Pack) -> list[str]:
    """The files whose content is not what pack.json says: the thorough check (seconds)."""
    wrong: list[str] = []
    for name, (size, digest) in pack.info["files"].items():
        path = pack.root / name
        try:
            whole = path.stat().st_size == size and sha256_of(path) == digest
        except OSError:
            whole = False
        if not whole:
            wrong.append(name)
    return wrong


def _stats(root: Path, files: dict[str, Any]) -> dict[str, list[int]]:
    base = str(root)
    found: dict[str, list[int]] = {}
    for name in files:
        status = os.stat(f"{base}/{name}")  # noqa: PTH116 - 2,000 files on every build's path
        found[name] = [status.st_size, status.st_mtime_ns]
    return found
