"""Finding the importable modules and the data files below a folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

INIT = "__init__.py"
EXTENSION_SUFFIXES = (".so", ".pyd", ".dylib")
# _imp.extension_suffixes() of the pack's Python, in its order; {} is the machine.
IMPORTABLE = (".cpython-313-{}-linux-musl.so", ".abi3.so", ".so")
FOREIGN = re.compile(r"\.(cpython-|cp\d|pypy|graalpy)[^/]*\.so$")


@dataclass(frozen=True, kw_only=True)
class ModuleFile:
    """One importable module. ``path`` is relative to the scanned folder, with forward slashes."""

    name: str
    path: str
    file: Path
    is_package: bool = False


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """A file that travels in the zip under ``path``."""

    path: str
    file: Path


@dataclass(frozen=True, kw_only=True)
class SharedObject:
    """An ELF shared object that the program brings along; ``path`` is relative to the task root.

    ``module``: what it is imported as; "" for a library that others need, and for an extension
    module that another file of the same module hides. ``package``: the distribution it came with,
    as ``numpy 2.5.5``; "" for the project's own.
    """

    path: str
    file: Path
    module: str = ""
    is_package: bool = False
    package: str = ""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What a folder holds: modules and other files, each sorted by path."""

    modules: tuple[ModuleFile, ...]
    others: tuple[DataFile, ...]


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether a posix path matches one of ``patterns``.

    A pattern without a slash is compared with every component of the path; one with a slash with
    the whole path and with each of its parent folders (``docs/`` and ``docs/api`` both work).
    """
    parts = path.split("/")
    parents = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    for raw in patterns:
        pattern = raw.rstrip("/")
        candidates = parents if "/" in raw.strip("/") else parts
        if raw.startswith("/"):  # anchored at the top, as in .gitignore
            pattern, candidates = pattern[1:], parents
        if any(fnmatchcase(candidate, pattern) for candidate in candidates):
            return True
    return False


def scan(folder: Path, is_excluded: Callable[[str], bool] = lambda _: False) -> Tree:
    """All modules and other files below ``folder``; symbolic links are followed.

    Every ``*.py`` whose path has no dot but the suffix's can be imported, with or without
    ``__init__.py`` above it. A module and a package of one name: the package wins, as in Python.
    """
    modules: dict[str, ModuleFile] = {}
    others: list[DataFile] = []
    for path, file in _files(folder, is_excluded):
        found = _module(path, file)
        if found is None:
            if not path.endswith((".pyc", ".pyo")):
                others.append(DataFile(path=path, file=file))
        elif found.is_package or found.name not in modules:
            modules[found.name] = found
    ordered = sorted(modules.values(), key=lambda module: module.path)
    return Tree(modules=tuple(ordered), others=tuple(sorted(others, key=lambda other: other.path)))


def _module(path: str, file: Path) -> ModuleFile | None:
    stem, dot, suffix = path.rpartition(".")
    if not dot or suffix != "py" or "." in stem:
        return None
    name = stem.replace("/", ".")
    if path.rpartition("/")[2] == INIT:
        package = name.rpartition(".")[0]
        if not package:
            return None  # an __init__.py at the top makes no package
        return ModuleFile(name=package, path=path, file=file, is_package=True)
    return ModuleFile(name=name, path=path, file=file)


def is_named_so(path: str) -> bool:
    """x.so, libx.so.3"""
    name = path.rpartition("/")[2]
    return name.endswith(".so") or ".so." in name


def extension_name(path: str, machine: str) -> tuple[str, bool, int] | None:
    """The module that a Python 3.13 for musl on ``machine`` sees in the file at ``path``.

    Its name, whether it is a package (``pkg/__init__.so``), and the rank of its suffix: of two
    files for one module the lower is imported. None: a library (pkg.libs/libx.so.3), or for
    another Python (x.cpython-312-x86_64-linux-musl.so).
    """
    folder, _, file = path.rpartition("/")
    for rank, pattern in enumerate(IMPORTABLE):
        suffix = pattern.format(machine)
        stem = file.removesuffix(suffix)
        if stem == file or not stem:
            continue
        if "." in stem or "." in folder:
            return None
        name = f"{folder}/{stem}".strip("/").replace("/", ".")
        if stem != "__init__":
            return name, False, rank
        return (folder.replace("/", "."), True, rank) if folder else None
    return None


def is_foreign(path: str, machine: str) -> bool:
    """Whether the name says that an extension module is for another Python than ours."""
    return bool(FOREIGN.search(path)) and not path.endswith(IMPORTABLE[0].format(machine))


def shared_objects(
    files: Sequence[DataFile], machine: str, packages: Mapping[str, str]
) -> tuple[SharedObject, ...]:
    """``files``, sorted, with what they are imported as; ``packages``: path -> distribution."""
    found: dict[str, SharedObject] = {}
    ranks: dict[str, tuple[bool, int, str]] = {}
    for file in sorted(files, key=lambda file: file.path):
        path, package = file.path, packages.get(file.path, "")
        named = extension_name(path, machine)
        if named is None:
            found[path] = SharedObject(path=path, file=file.file, package=package)
            continue
        name, is_package, suffix = named
        rank = (not is_package, suffix, path)
        hidden = name in ranks and ranks[name] < rank
        if name in ranks and not hidden:
            other = ranks[name][2]
            found[other] = replace(found[other], module="", is_package=False)
        found[path] = SharedObject(
            path=path,
            file=file.file,
            module="" if hidden else name,
            is_package=is_package and not hidden,
            package=package,
        )
        if not hidden:
            ranks[name] = rank
    return tuple(found.values())


def _files(folder: Path, is_excluded: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    """Regular files in sorted order. A link to a folder above itself is not followed twice."""
    base = os.fspath(folder)
    pending = [("", base, frozenset([os.path.realpath(base)]))]
    while pending:
        prefix, current, above = pending.pop()
        with os.scandir(current) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            path = prefix + entry.name
            if entry.name == "__pycache__" or is_excluded(path):
                continue
            if entry.is_dir():
                real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                if real not in above:
                    pending.append((path + "/", entry.path, above | {real}))
            elif entry.is_file():
                yield path, Path(entry.path)


def namespace_packages(modules: Sequence[ModuleFile]) -> dict[str, str]:
    """Packages without ``__init__.py`` above ``modules``: name -> folder (relative path).

    A module beside such a folder comes first: ``x.py`` hides ``x/``.
    """
    names = {module.name for module in modules}
    found: dict[str, str] = {}
    for module in modules:
        folder = module.path.rpartition("/")[0]
        if module.is_package:
            folder = folder.rpartition("/")[0]
        while folder:
            name = folder.replace("/", ".")
            if name not in names:
                found[name] = folder
            folder = folder.rpartition("/")[0]
    return dict(sorted(found.items()))
