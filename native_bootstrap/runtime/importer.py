"""Imports from the module archive that is linked into the program.

`install()` puts a finder behind the builtin and frozen ones and before the path-based one, and a
path hook so that `pkgutil` sees the archive's packages as if they lay in their folders. The C core
runs this module frozen, before anything else is importable: it may use `sys`, `posix`,
`_nb_archive` and the frozen import system, and nothing else, at import time.
"""

# ruff: noqa: ARG002, ARG004, SLF001 - the signatures and the privates of the import system

from __future__ import annotations

import _frozen_importlib as _bootstrap
import _frozen_importlib_external as _external
import posix
import sys

import _nb_archive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Protocol

    class Entry(Protocol):
        """A row of the archive's index."""

        name: str
        is_package: bool
        is_namespace: bool
        path: str
        flags: int


_HAS_SOURCE = 8  # archive flag
_COMPILED = 16  # archive flag: Nuitka's own finder serves the module, the archive only its source
_EXTENSION = 64  # archive flag: a shared object, which dlopen() finds by its path
TASK_ROOT = posix.environ.get(b"LAMBDA_TASK_ROOT", b"/var/task").decode("utf-8", "surrogateescape")


def file_of(entry: Entry) -> str:
    """The module's `__file__`: where it would lie if the function were plain files."""
    return entry.path if entry.path.startswith("/") else f"{TASK_ROOT}/{entry.path}"


def source_text(name: str) -> str:
    """The module's source, decoded as Python does; "" if the archive has none."""
    data: bytes | None = _nb_archive.get_source(name)
    if data is None:
        return ""
    text: str = _external.decode_source(data)
    return text


class ArchiveLoader(_external._LoaderBasics):
    """Runs one module from the archive.

    `exec_module` and `load_module` come from importlib's own base class. That matters for
    tracebacks: the interpreter removes the import system's frames by their code object's file, so
    no frame of ours may stand between them.
    """

    def __init__(self, name: str, path: str, package: bool) -> None:
        self.name = name
        self.path = path
        self._package = package

    def is_package(self, fullname: str) -> bool:
        return self._package

    # By the entry's name, not the module's: `package.__init__` runs the package's code.
    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = _nb_archive.get_code(self.name)
        return code

    def get_source(self, fullname: str) -> str | None:
        return source_text(self.name) or None

    def get_filename(self, fullname: str | None = None) -> str:
        return self.path

    def get_data(self, path: str) -> bytes:
        """A data file of the package, from the folder where it lies on disk."""
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib is not importable yet
            return file.read()

    def get_resource_reader(self, fullname: str) -> object:
        from native_bootstrap.runtime import resource_folders  # only importlib.resources asks

        return resource_folders.ArchiveReader(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArchiveLoader) and (self.name, self.path) == (
            other.name,
            other.path,
        )

    def __hash__(self) -> int:
        return hash(self.name) ^ hash(self.path)


class SourceLoader(ArchiveLoader):
    """Runs a compiled module under another name: Nuitka's code knows its own alone."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(
            _nb_archive.get_source(self.name), self.path, "exec", dont_inherit=True
        )
        return code


class ArchiveFinder:
    """The meta path entry."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        entry: Entry | None = _nb_archive.find(name)
        if entry is None and name.endswith(".__init__"):
            return _spec_of_init(name)
        # A namespace package may go on in a layer: its parts are found along the path.
        if entry is None or entry.flags & _COMPILED or entry.is_namespace:
            return None
        return _spec(entry)


def _spec_of_init(name: str) -> ModuleSpec | None:
    """`from .__init__ import x` is the package's file once more, as a plain module."""
    entry: Entry | None = _nb_archive.find(name.removesuffix(".__init__"))
    if entry is None or not entry.is_package or entry.flags & (_COMPILED | _EXTENSION):
        return None
    file = file_of(entry)
    loader = ArchiveLoader(entry.name, file, package=False)
    spec = _bootstrap.ModuleSpec(name, loader, origin=file)  # type: ignore[arg-type]
    spec.has_location = True
    return spec


def _spec(entry: Entry, name: str = "") -> ModuleSpec:
    """Of the module ``name``: the entry's own unless `sys.path` names a folder of the task."""
    name, file = name or entry.name, file_of(entry)
    if entry.is_namespace:
        spec = _bootstrap.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [file]
        return spec
    package = entry.is_package
    loader: object
    if entry.flags & _EXTENSION:
        loader = _external.ExtensionFileLoader(name, file)
    else:
        kind = SourceLoader if entry.flags & _COMPILED else ArchiveLoader
        loader = kind(entry.name, file, package)
    spec = _bootstrap.ModuleSpec(
        name,
        loader,  # type: ignore[arg-type]
        origin=file,
        is_package=package,
    )
    spec.has_location = True
    if package:
        spec.submodule_search_locations = [file.rpartition("/")[0]]
    return spec


class ArchiveFolder:
    """A path entry finder for a folder that the archive also has modules for.

    Files that really lie in that folder are found, too: a function's zip carries data and extension
    modules next to the program.
    """

    def __init__(self, path: str, package: str) -> None:
        self.path = path
        self._package = package
        self._files = _external.FileFinder(path, *_file_loaders())

    def find_spec(self, name: str, target: ModuleType | None = None) -> ModuleSpec | None:
        entry = self._entry(name.rpartition(".")[2])
        if entry is not None and (
            not entry.flags & _COMPILED
            or (entry.flags & _HAS_SOURCE and name != entry.name)  # else Nuitka's own finder serves
        ):
            return _spec(entry, name)
        spec: ModuleSpec | None = self._files.find_spec(name, target)
        return spec

    def _entry(self, tail: str) -> Entry | None:
        """What lies in this very folder, whatever it is called there."""
        if self._package:
            return _nb_archive.find(f"{self._package}.{tail}")  # type: ignore[no-any-return]
        entry: Entry | None = _nb_archive.find(tail)
        return None if entry is None or entry.path.startswith("/") else entry

    def invalidate_caches(self) -> None:
        self._files.invalidate_caches()

    def iter_modules(self, prefix: str = "") -> Iterator[tuple[str, bool]]:
        """What `pkgutil.iter_modules` lists: the archive's modules, then the folder's own."""
        seen = set()
        for name, package in _nb_archive.children(self._package):
            short = name.rpartition(".")[2]
            if self._entry(short) is None:
                continue
            seen.add(short)
            yield prefix + short, package
        from pkgutil import iter_importer_modules  # type: ignore[attr-defined]  # it is the caller

        for name, package in iter_importer_modules(self._files, prefix):
            if name[len(prefix) :] not in seen:
                yield name, package


def _folder_hook(path: str) -> ArchiveFolder:
    """The path hook; ImportError for folders the archive knows nothing of."""
    path = _normal(path)
    if path == TASK_ROOT:
        return ArchiveFolder(path, "")
    if path.startswith(TASK_ROOT + "/"):
        package = path[len(TASK_ROOT) + 1 :].replace("/", ".")
        entry: Entry | None = _nb_archive.find(package)
        if entry is not None and (entry.is_package or entry.is_namespace):
            return ArchiveFolder(path, package)
    elif path.startswith(_stdlib() + "/"):
        package = path[len(_stdlib()) + 1 :].replace("/", ".")
        entry = _nb_archive.find(package)
        if entry is not None and entry.is_package:
            return ArchiveFolder(path, package)
    raise ImportError("not in the archive", path=path)


def _normal(path: str) -> str:
    """Absolute, without `.` and `..`, as functions put `dirname(__file__) + "/../lib"` together."""
    parts: list[str] = []
    for part in (path if path.startswith("/") else f"{posix.getcwd()}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _file_loaders() -> list[tuple[type, list[str]]]:
    loaders: list[tuple[type, list[str]]] = _external._get_supported_file_loaders()  # type: ignore[attr-defined]
    return loaders


def _stdlib() -> str:
    return f"{sys.prefix}/lib/python{sys.version_info[0]}.{sys.version_info[1]}"


def install() -> None:
    """Make the archive importable. Call once."""
    position = len(sys.meta_path)
    for index, finder in enumerate(sys.meta_path):
        if finder is _external.PathFinder:
            position = index
            break
    sys.meta_path.insert(position, ArchiveFinder)
    sys.path_hooks.insert(0, _folder_hook)
    sys.path_importer_cache.clear()
