"""Folders of packages for `importlib.resources`, whether or not they are on disk.

A package that holds nothing but modules lies in the archive alone: there is no such folder in
/var/task. Libraries ask for one all the same (pendulum: whether it has a locale), so a folder that
the archive has modules of exists. Its data files, if it has some, are on disk as ever.
"""

from __future__ import annotations

from importlib.readers import FileReader
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING

import _nb_archive

if TYPE_CHECKING:
    from native_bootstrap.runtime.importer import ArchiveLoader


class ArchivePath(PosixPath):
    """A path that exists as a folder where a package of the archive belongs.

    `package` and `folder` are what `importlib.resources.files` was asked for.
    """

    package = ""
    folder: Path

    def with_segments(self, *segments: str | Path) -> ArchivePath:
        return _path(self.package, self.folder, *segments)

    def exists(self, **options: bool) -> bool:
        return super().exists(**options) or self._is_package()

    def is_dir(self, **options: bool) -> bool:
        return super().is_dir(**options) or self._is_package()

    def _is_package(self) -> bool:
        if not self.is_relative_to(self.folder):
            return False
        name = ".".join([self.package, *self.relative_to(self.folder).parts])
        entry = _nb_archive.find(name)
        return entry is not None and (entry.is_package or entry.is_namespace)


def _path(package: str, folder: Path, *segments: str | Path) -> ArchivePath:
    made = ArchivePath(*segments)
    made.package, made.folder = package, folder
    return made


class ArchiveReader(FileReader):
    """What `ArchiveLoader.get_resource_reader` returns."""

    def __init__(self, loader: ArchiveLoader) -> None:
        super().__init__(loader)  # type: ignore[arg-type]
        self._package = loader.name.removesuffix(".__init__")

    def files(self) -> ArchivePath:
        return _path(self._package, Path(self.path), self.path)
