"""Modules that are shared objects: which of them are imported, and the packages they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts.modules import ModuleFile, matches, namespace_packages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.compiler import ModuleStore
    from build_scripts.modules import SharedObject


def merge(
    theirs: Sequence[SharedObject], own: Sequence[SharedObject], exclude: Sequence[str]
) -> tuple[SharedObject, ...]:
    """The shared objects of dependencies and project; of two at one path the project's.

    ``exclude`` has left out the project's already. Of dependencies it takes only what is named with
    its folder: ``*.so`` or ``lib`` is meant for the project's own files.
    """
    patterns = [pattern for pattern in exclude if "/" in pattern.strip("/")]
    left = [item for item in theirs if not matches(item.path, patterns)]
    return tuple({item.path: item for item in (*left, *own)}.values())


def choose(
    shared: Sequence[SharedObject],
    stores: Mapping[str, ModuleStore],
    project: ModuleStore,
    pinned: frozenset[str],
) -> dict[str, SharedObject]:
    """What is imported from a shared object. In one folder CPython takes a package with its
    ``__init__``, then an extension module, then a source; the project comes before the rest."""
    found: dict[str, SharedObject] = {}
    for item in sorted(shared, key=lambda item: bool(item.package), reverse=True):
        store = stores.get(item.module)
        is_hidden = store is not None and (
            (store is project and item.package)
            or (store.modules[item.module].is_package and not item.is_package)
        )
        if item.module and not is_hidden and item.module.partition(".")[0] not in pinned:
            found[item.module] = item
    return found


def namespaces(
    stores: Mapping[str, ModuleStore], extensions: Mapping[str, SharedObject]
) -> dict[str, str]:
    """Packages without ``__init__``, of the task only: all others have theirs, and come first."""
    found = [
        (name, module.path, module.is_package)
        for name, store in stores.items()
        if not (module := store.modules[name]).path.startswith("/")
    ]
    found += [(name, item.path, item.is_package) for name, item in extensions.items()]
    folders = namespace_packages(
        [
            ModuleFile(name=name, path=path, file=Path(), is_package=is_package)
            for name, path, is_package in found
        ]
    )
    return {name: folder for name, folder in folders.items() if name not in stores}
