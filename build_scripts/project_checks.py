"""One function per mistake that a project can make, told in the reference client's words."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from build_scripts import resources
from build_scripts.modules import namespace_packages
from build_scripts.sources.facts import FALLBACK, GUARDED, TOP, TYPING
from native_bootstrap.errors import (
    BuiltinConflictError,
    HandlerModuleError,
    HandlerNotFoundError,
    ShadowedNameError,
    SourceEncodingError,
    UserSyntaxError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from build_scripts.modules import ModuleFile
    from build_scripts.sources.facts import Facts, Problem

OURS = "native_bootstrap"
PRIVATE = "_nb_"


def builtin_conflict(module: str) -> None:
    """awslambdaric refuses a handler whose first part names a builtin module of its Python."""
    first = module.partition(".")[0]
    if first in resources.load("lambda_python")["builtin"]:
        raise BuiltinConflictError(
            f"Cannot use built-in module {module} as a handler module",
            hint=f"Python always finds its own {first!r} first: rename your module",
        )


def shadowed_names(modules: Sequence[ModuleFile], builtin_names: frozenset[str]) -> None:
    """Names that the program itself needs.

    Modules built into the static program (``math``, ``zlib``, …) are always found first. On Lambda
    a file of that name would win, so this is an error and not a silent change of meaning.
    """
    builtin = builtin_names - frozenset(resources.load("lambda_python")["builtin"])
    preloaded = frozenset(resources.load("lambda_python")["preloaded"])
    for module in modules:
        top = module.name.partition(".")[0]
        if top == OURS or top.startswith(PRIVATE):
            raise ShadowedNameError(
                f"{module.path}: the name {top!r} belongs to the runtime in the program",
                hint="rename your module",
            )
        if module.path.startswith("bootstrap/"):
            raise ShadowedNameError(
                "a folder 'bootstrap' in the project takes the place of the program in the zip",
                hint="rename the folder: Lambda starts /var/task/bootstrap",
            )
        if module.name in builtin and module.name not in preloaded:
            raise ShadowedNameError(
                f"{module.path}: {top!r} is built into the program and would be found first",
                hint="rename your module",
            )


def preloaded_names(modules: Sequence[ModuleFile]) -> list[str]:
    """Warnings for files that are never imported because Python has that module already."""
    known = resources.load("lambda_python")
    taken = frozenset(known["preloaded"]) | frozenset(known["builtin"])
    return [
        f"{module.path} is never imported: 'import {module.name}' gives the standard module, "
        "as on Lambda, whose runtime has it loaded before it looks at your code"
        for module in modules
        if module.name in taken
    ]


def preloaded_handler(module: str, function: str) -> None:
    """A handler in ``json.py``: the runtime looks for the function in the standard module."""
    if module in resources.load("lambda_python")["preloaded"]:
        raise HandlerNotFoundError(
            f"Handler '{function}' missing on module '{module}'",
            hint=f"'{module}' is the standard module, which the runtime has loaded before your "
            "code: rename your file",
        )


def find(name: str, modules: Sequence[ModuleFile]) -> ModuleFile | None:
    return next((module for module in modules if module.name == name), None)


def module_missing(name: str, folder: Path, modules: Sequence[ModuleFile]) -> HandlerModuleError:
    """Which part of the name is missing, in the import system's words, and what is there."""
    known = {module.name for module in modules} | set(namespace_packages(modules))
    parts = name.split(".")
    missing = next(
        (start for end in range(len(parts)) if (start := ".".join(parts[: end + 1])) not in known),
        name,
    )
    if missing == name and name in known:
        text = f"Unable to import module '{name}': it is a folder without __init__.py"
        return HandlerModuleError(text, hint="name the file in it: folder/module.function")
    parent = missing.rpartition(".")[0]
    packages = {module.name for module in modules if module.is_package}
    reason = f"No module named '{missing}'"
    if parent and parent not in packages and find(parent, modules):
        reason += f"; '{parent}' is not a package"
    close = difflib.get_close_matches(name, sorted(known), 3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"{folder} has no such file"
    return HandlerModuleError(f"Unable to import module '{name}': {reason}", hint=hint)


def sources(handler: str, modules: Sequence[ModuleFile], facts: Mapping[str, Facts]) -> None:
    """Every module that is imported together with the handler can be compiled.

    Broken files that nothing imports at start (old scripts, templates) do not matter.
    """
    by_name = {module.name: module for module in modules}
    for name in imported_at_start(handler, facts):
        problem = facts[name].problem
        if problem is not None:
            raise _source_error(handler, by_name[name], problem)


def imported_at_start(handler: str, facts: Mapping[str, Facts]) -> list[str]:
    """Modules of the project that importing ``handler`` certainly imports, in that order."""
    found: list[str] = []
    pending = [handler]
    while pending:
        name = pending.pop(0)
        parents = [name[:end] for end, char in enumerate(name) if char == "."]
        for one in (*parents, name):
            if one not in facts or one in found:
                continue
            found.append(one)
            for module, names, flags in facts[one].imports:
                if flags & TOP and not flags & (GUARDED | TYPING | FALLBACK):
                    pending += [module, *(f"{module}.{taken}" for taken in names)]
    return found


def _source_error(
    handler: str, module: ModuleFile, problem: Problem
) -> SourceEncodingError | UserSyntaxError:
    if problem.kind == "encoding":
        return SourceEncodingError(
            f"{module.path}: {problem.message} (line {problem.line})",
            hint="save the file as UTF-8, or declare its encoding in the first line: "
            "# -*- coding: latin-1 -*-",
        )
    where = f'  File "{module.file}" Line {problem.line}\n    {problem.text.strip()}'
    return UserSyntaxError(
        f"Syntax error in module '{handler}': {problem.message}\n{where}",
        hint="the program runs Python 3.13; correct the line",
    )


def function_exists(module: str, function: str, facts: Mapping[str, Facts]) -> None:
    """The handler's name is bound at the module's top level, as far as the source can tell."""
    known = facts.get(module)
    if known is None or known.is_dynamic or function in known.defined:
        return
    close = difflib.get_close_matches(function, known.defined, 3)
    names = ", ".join(close or [name for name in known.defined if not name.startswith("_")][:8])
    raise HandlerNotFoundError(
        f"Handler '{function}' missing on module '{module}'",
        hint=f"{'did you mean' if close else 'the module has'}: {names or 'nothing'}"
        + ("?" if close else ""),
    )
