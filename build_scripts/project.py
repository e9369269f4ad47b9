"""The user's project: its modules, its data files, and every mistake that can be seen in advance.

The faults that Lambda reports when a function starts (``Runtime.ImportModuleError`` and its
siblings) are found here, in the reference client's words, before anything is compiled.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import compiled_files, resources, targets
from build_scripts import project_checks as checks
from build_scripts.compiler import EMPTY, ModuleStore, compile_modules, content_of
from build_scripts.modules import DataFile, ModuleFile, SharedObject, Tree, matches, scan
from build_scripts.sources import facts as facts_of
from native_bootstrap.errors import MalformedHandlerError, ProjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from build_scripts.log import Log
    from build_scripts.sources.facts import Facts
    from build_scripts.targets import Target

TARGET_VERSION = (3, 13)


@dataclass(frozen=True, kw_only=True)
class Handler:
    """``pkg/mod.func`` as given (``text``), and what it means: module ``pkg.mod``, ``func``."""

    text: str
    module: str
    function: str


@dataclass(frozen=True, kw_only=True)
class Project:
    """What one function consists of.

    ``modules``: importable files in sorted order; ``facts``: what is in them, by module name;
    ``store``: their bytecode (empty without a target Python); ``vendored``: names of modules that
    an installer put into the folder; ``data``: files for the zip; ``shared_objects`` go into the
    program; ``warnings``: one line each.
    """

    folder: Path
    handler: Handler
    modules: tuple[ModuleFile, ...]
    facts: Mapping[str, Facts]
    store: ModuleStore
    vendored: frozenset[str]
    data: tuple[DataFile, ...]
    warnings: tuple[str, ...]
    shared_objects: tuple[SharedObject, ...] = ()

    @property
    def key(self) -> str:
        return self.store.key


def load(
    folder: Path,
    handler: str,
    *,
    log: Log,
    python: Path | None = None,
    python_key: str = "",
    builtin_names: frozenset[str] = frozenset(),
    output: Path | None = None,
    report: Path | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    has_dependencies: bool = False,
    target: Target | None = None,
) -> Project:
    """Read and check the project in ``folder``.

    With ``python`` (the pack's interpreter for this machine) sources are judged and compiled by it.
    Without, only what does not depend on the grammar's version is checked: a first look before the
    pack is there. ``builtin_names`` are the modules built into the target program.
    ``has_dependencies``: a handler module that is not here may come from a requirement; then
    :func:`check_handler` has the last word. ``target``: the machine that the shared objects are
    for, this one if None.
    """
    if not folder.is_dir():
        raise ProjectNotFoundError(
            f"no such project folder: {folder}",
            hint="give the folder that holds your handler with --project DIR",
        )
    named = parse_handler(handler)
    checks.builtin_conflict(named.module)
    tree = _scan(folder, named, _results(folder, output, report), include, exclude)
    vendored = _vendored(folder)
    checks.shadowed_names(tree.modules, builtin_names)
    if python is not None:
        own = content_of(tree.modules)
        store = compile_modules(
            tree.modules,
            python=python,
            python_key=python_key,
            content=own,
            log=log,
            keep_sources=True,
            what="of the project",
        )
        facts = {name: module.facts for name, module in store.modules.items()}
    else:
        store, facts = EMPTY, _host_facts(tree.modules)
    compiled = compiled_files.find(tree.others, folder, target or targets.host())
    project = Project(
        folder=folder,
        handler=named,
        modules=tree.modules,
        facts=facts,
        store=store,
        vendored=vendored,
        data=_data(tree, facts, compiled.left_out),
        warnings=(*_warnings(tree, include), *compiled.warnings),
        shared_objects=compiled.shared_objects,
    )
    check_handler(project, may_be_elsewhere=has_dependencies)
    return project


def parse_handler(text: str) -> Handler:
    """Split as the reference client does: at the last dot, slashes in the module are dots."""
    module, dot, function = text.rpartition(".")
    if not dot:
        raise MalformedHandlerError(
            f"Bad handler '{text}': not enough values to unpack (expected 2, got 1)",
            hint="name it module.function, as on Lambda: app.handler or pkg/app.handler",
        )
    module = module.replace("/", ".")
    if not function or not all(module.split(".")):
        raise MalformedHandlerError(
            f"Bad handler '{text}': a part of the name is empty",
            hint="name it module.function, as on Lambda: app.handler or pkg/app.handler",
        )
    return Handler(text=text, module=module, function=function)


def check_handler(
    project: Project, *, may_be_elsewhere: bool = False, site: Path | None = None
) -> None:
    """The handler's module exists, can be compiled, and has the function.

    ``site`` is the folder of the installed requirements: a handler may live in one of them.
    """
    checks.preloaded_handler(project.handler.module, project.handler.function)
    module = checks.find(project.handler.module, project.modules)
    if module is None and site is not None:
        module = checks.find(project.handler.module, scan(site).modules)
        if module is not None:
            return
    if module is None:
        if may_be_elsewhere:
            return
        raise checks.module_missing(project.handler.module, project.folder, project.modules)
    checks.sources(project.handler.module, project.modules, project.facts)
    checks.function_exists(project.handler.module, project.handler.function, project.facts)


def _scan(
    folder: Path,
    handler: Handler,
    results: frozenset[str],
    include: Sequence[str],
    exclude: Sequence[str],
) -> Tree:
    parts = handler.module.split(".")
    own = ["/".join(parts[: end + 1]) for end in range(len(parts))] + ["/".join(parts) + ".py"]
    # A default that would leave out the handler itself (tests/app.handler) does not apply.
    defaults = [
        pattern
        for pattern in resources.load("project_files")["exclude"]
        if not any(matches(path, [pattern]) for path in own)
    ]
    patterns = [*defaults, *exclude]
    wanted = [pattern.lstrip("/") for pattern in include]

    def is_excluded(path: str) -> bool:
        if path in results:
            return True
        if matches(path, include) or any(pattern.startswith(path + "/") for pattern in wanted):
            return False
        return matches(path, patterns) or _is_made(folder / path)

    return scan(folder, is_excluded)


def _is_made(path: Path) -> bool:
    """A virtual environment, or what an earlier build left in another output folder."""
    return (path / "pyvenv.cfg").is_file() or all(
        (path / name).is_file() for name in ("bootstrap", "function.zip")
    )


def _results(folder: Path, output: Path | None, report: Path | None) -> frozenset[str]:
    """What this build writes, as far as it lies in the project: no input of the next one."""
    found = {_below(output, folder), _below(report, folder)} - {"", "."}
    if output is not None and output.resolve() == folder.resolve():
        found |= {"bootstrap", "bootstrap.debug", "function.zip", "report.json"}
    return frozenset(found)


def _below(path: Path | None, folder: Path) -> str:
    """``path`` relative to ``folder``; "" when it lies elsewhere."""
    if path is None:
        return ""
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return ""


def _vendored(folder: Path) -> frozenset[str]:
    """Top-level names that ``pip install -t .`` put here: dependencies, not the user's own code."""
    found = set()
    for record in folder.glob("*.dist-info/RECORD"):
        for line in record.read_text("utf-8", "replace").splitlines():
            top, _, rest = line.partition(",")[0].partition("/")
            if top.endswith(".py") and not rest.startswith("/"):
                found.add(top[:-3])
            elif "." not in top and rest:
                found.add(top)
    return frozenset(found)


def _data(
    tree: Tree, facts: Mapping[str, Facts], left_out: AbstractSet[str]
) -> tuple[DataFile, ...]:
    """Data files, and sources that cannot be compiled: on Lambda they fail when imported, too.

    A script called ``bootstrap`` at the top (an earlier custom runtime) gives way to the program.
    """
    files = [
        other for other in tree.others if other.path not in left_out and other.path != "bootstrap"
    ]
    files += [
        DataFile(path=module.path, file=module.file)
        for module in tree.modules
        if module.name in facts and facts[module.name].problem
    ]
    return tuple(sorted(files, key=lambda data: data.path))


def _warnings(tree: Tree, include: Sequence[str]) -> list[str]:
    found = checks.preloaded_names(tree.modules)
    paths = [data.path for data in tree.others] + [module.path for module in tree.modules]
    found += [
        f"the include pattern {pattern!r} matches no file"
        for pattern in include
        if not any(matches(path, [pattern]) for path in paths)
    ]
    return found


def _host_facts(modules: Sequence[ModuleFile]) -> dict[str, Facts]:
    """A first look with the Python that runs the build.

    Its syntax errors count only when its grammar is the target's; else the module stays unknown.
    """
    found = {}
    for module in modules:
        source = module.file.read_bytes()
        parsed = facts_of.parse(source, module.path)
        if not isinstance(parsed, facts_of.Problem):
            found[module.name] = facts_of.read(parsed[0], module.name, module.is_package)
        elif parsed.kind == "encoding" or sys.version_info[:2] == TARGET_VERSION:
            found[module.name] = facts_of.Facts(problem=parsed)
    return found
