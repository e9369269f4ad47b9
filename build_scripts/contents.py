"""What goes into the archive: the project, its dependencies, the runtime, the standard library.

Which of two modules of one name is taken follows Lambda: the task's files come before the standard
library's, except for what the runtime has already imported when it looks at the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import archive, extensions, graph, lookups, resources
from build_scripts.compiler import EMPTY, ModuleStore, StoredModule, compile_modules, content_of
from build_scripts.modules import DataFile, ModuleFile, matches, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from build_scripts.dependencies import Dependencies
    from build_scripts.log import Log
    from build_scripts.modules import SharedObject
    from build_scripts.project import Project

STDLIB_FOLDER = "/var/lang/lib/python3.13/"
RUNTIME_FOLDER = "/var/runtime/"
ENTRY_MODULE = "native_bootstrap.runtime.entry"
# Packages of Lambda's managed Python, and what of the runtime stands in for them where the function
# does not bring them along.
STAND_INS = {"snapshot_restore_py": "native_bootstrap.runtime.snapshot.registry"}


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Every module of the program and where it comes from.

    ``extensions``: modules that are shared objects, some of them in place of one in ``stores``;
    ``at_start``: modules imported before the first invocation; ``own``: the project's modules that
    the handler can reach, the ones worth compiling; ``missing``: imports that nothing answers;
    ``uses_ctypes``: the project may look up the program's symbols, any of them;
    ``looked_up``: words of its dependencies, some of which are names that they look up.
    """

    stores: Mapping[str, ModuleStore]  # module name -> the store that has it
    extensions: Mapping[str, SharedObject]
    namespaces: Mapping[str, str]
    at_start: frozenset[str]
    own: tuple[str, ...]
    missing: tuple[graph.Missing, ...]
    uses_ctypes: bool
    looked_up: frozenset[str]
    warnings: tuple[str, ...]


def compile_stdlib(
    stdlib: Path, *, python: Path, python_key: str, content: str, log: Log
) -> ModuleStore:
    """The standard library's bytecode, once per pack. ``content`` stands for its files."""
    patterns = resources.load("stdlib")["exclude"]
    tree = scan(stdlib, lambda path: matches(path, patterns))
    return compile_modules(
        tree.modules,
        python=python,
        python_key=python_key,
        content=content,
        log=log,
        prefix=STDLIB_FOLDER,
        size="smallest",
        what=f"of the standard library ({len(tree.modules)} modules)",
    )


def compile_runtime(package: Path, *, python: Path, python_key: str, log: Log) -> ModuleStore:
    """Our own package, as far as it ships: ``__init__``, ``runtime`` and the stand-ins."""
    top = package.name

    def is_excluded(path: str) -> bool:
        parts = path.split("/")
        ships = path in (top, f"{top}/__init__.py", f"{top}/runtime") or parts[1:2] == ["runtime"]
        return not ships

    modules = scan(package.parent, is_excluded).modules
    files = {module.name: module.file for module in modules}
    modules += tuple(
        ModuleFile(name=name, path=f"{name}.py", file=files[ours])
        for name, ours in STAND_INS.items()
        if ours in files
    )
    return compile_modules(
        modules,
        python=python,
        python_key=python_key,
        content=content_of(modules),
        log=log,
        prefix=RUNTIME_FOLDER,
        keep_sources=True,
        what="of the runtime",
    )


def compile_dependencies(
    dependencies: Dependencies, *, python: Path, python_key: str, log: Log
) -> ModuleStore:
    """The dependencies' bytecode and sources, once per set of packages."""
    if not dependencies.modules:
        return EMPTY
    return compile_modules(
        dependencies.modules,
        python=python,
        python_key=python_key,
        content=dependencies.key,
        size="small",
        log=log,
        keep_sources=True,
        what=f"of the dependencies ({len(dependencies.modules)} modules)",
    )


def uncompilable(dependencies: Dependencies, store: ModuleStore) -> tuple[DataFile, ...]:
    """Sources that are no Python 3.13 (templates, code for other versions): they stay files."""
    return tuple(
        DataFile(path=module.path, file=module.file)
        for module in dependencies.modules
        if store.modules[module.name].raw is None
    )


def collect(
    project: Project,
    *,
    dependencies: ModuleStore,
    runtime: ModuleStore,
    stdlib: ModuleStore,
    builtin_names: frozenset[str],
    shared: Sequence[SharedObject] = (),
) -> Contents:
    """Merge the four sources and follow the imports from the handler.

    ``shared``: the shared objects of the project and of its dependencies.
    """
    pinned = _pinned(runtime, stdlib)
    stores: dict[str, ModuleStore] = {}
    warnings = list(project.warnings)
    warned = set(resources.load("lambda_python")["preloaded"])
    # A folder without __init__ hides nothing: the standard package comes before it.
    task_names = {name for s in (project.store, dependencies) for name in s.modules}
    task_names |= {item.module for item in shared}
    for name in stdlib.modules:
        top = name.partition(".")[0]
        if top in pinned or top not in task_names:
            stores[name] = stdlib
    for store in (dependencies, project.store):
        for name, module in store.modules.items():
            top = name.partition(".")[0]
            if top not in pinned and module.raw is not None:
                if stores.get(name) is not stdlib:  # it is where such a folder has one of its names
                    stores[name] = store
            elif top in pinned and name == top and top not in warned:
                warnings.append(
                    f"{module.path} is never imported: the runtime needs the standard module "
                    f"'{top}' before it looks at your code"
                )
    for name in runtime.modules:
        if name not in STAND_INS or name not in stores:
            stores[name] = runtime
    found = extensions.choose(shared, stores, project.store, pinned)
    # The source beside an extension module (mypyc and Cython leave it) tells what that imports.
    facts = {name: store.modules[name].facts for name, store in stores.items()}
    walked = graph.walk([project.handler.module, ENTRY_MODULE, *_frozen()], facts)
    reachable = [n for n in sorted(walked.reachable) if stores[n] is project.store]
    own = tuple(
        name
        for name in reachable
        if name.partition(".")[0] not in project.vendored and name not in found
    )
    namespaces = extensions.namespaces(stores, found)
    provided = builtin_names | frozenset(namespaces) | found.keys() | _below(project)
    started = [name for name in own if name in walked.at_start]
    theirs = [n for n, store in stores.items() if store in (project.store, dependencies)]
    asking = [name for name in theirs if lookups.asks(facts[name])]
    return Contents(
        stores=stores,
        extensions=found,
        namespaces=namespaces,
        at_start=walked.at_start,
        own=own,
        uses_ctypes=any(name in own for name in asking),
        looked_up=lookups.words(stores[name].source(name) for name in asking),
        missing=graph.missing(started, facts, provided),
        warnings=tuple(warnings),
    )


def entries(
    contents: Contents,
    *,
    project: Project,
    compiled: Iterable[str] = (),
    strip_source: bool = False,
    dependencies: ModuleStore = EMPTY,
    keep_sources: bool = False,
) -> list[archive.ModuleEntry]:
    """The archive's rows.

    ``compiled``: modules whose code is in the umbrella. ``strip_source`` leaves out the project's
    sources, ``keep_sources`` takes in those of the dependencies.
    """
    raw = contents.at_start | frozenset(_frozen())
    native = frozenset(compiled)
    rows = []
    for name, store in contents.stores.items():
        if name in contents.extensions:
            continue
        module = store.modules[name]
        if store is project.store and name.partition(".")[0] not in project.vendored:
            has_source = not strip_source
        else:
            has_source = keep_sources and store in (project.store, dependencies)
        source = store.read(module.source) if has_source else b""
        rows.append(_row(store, module, source or None, name in raw, name in native))
    rows += [
        archive.ModuleEntry(
            name=name,
            path=item.path,
            flags=archive.EXTENSION | (archive.PACKAGE if item.is_package else 0),
        )
        for name, item in contents.extensions.items()
    ]
    rows += [
        archive.ModuleEntry(name=name, path=folder, flags=archive.NAMESPACE)
        for name, folder in contents.namespaces.items()
    ]
    return rows


def _row(
    store: ModuleStore, module: StoredModule, source: bytes | None, is_raw: bool, is_native: bool
) -> archive.ModuleEntry:
    flags = archive.PACKAGE if module.is_package else 0
    if is_native:
        return archive.ModuleEntry(
            name=module.name, path=module.path, flags=flags | archive.COMPILED, source=source
        )
    if is_raw or module.raw is None:
        code = store.read(module.raw)
        return archive.ModuleEntry(
            name=module.name, path=module.path, flags=flags, code=code, source=source
        )
    return archive.ModuleEntry(
        name=module.name,
        path=module.path,
        flags=flags | archive.CODE_DEFLATED,
        code=store.read(module.deflated),
        code_raw_length=module.raw[1],
        source=source,
    )


def _below(project: Project) -> frozenset[str]:
    """What can be imported when the project puts folders of its own on ``sys.path``."""
    return frozenset(part for name in project.store.modules for part in name.split(".")[1:])


def _pinned(runtime: ModuleStore, stdlib: ModuleStore) -> frozenset[str]:
    """Top-level standard modules that the runtime has imported before the task's code."""
    facts = {name: m.facts for store in (stdlib, runtime) for name, m in store.modules.items()}
    walked = graph.walk([ENTRY_MODULE, *_frozen()], facts)
    used = {name.partition(".")[0] for name in walked.at_start}
    return frozenset(used | set(resources.load("lambda_python")["preloaded"]))


def _frozen() -> list[str]:
    return list(resources.load("stdlib")["frozen"])
