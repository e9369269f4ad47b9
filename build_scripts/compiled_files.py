"""Compiled files that lie in the project's own folder: built by hand, or left by an installer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from build_scripts import elf_checks, pure
from build_scripts.installer import recorded
from build_scripts.modules import (
    EXTENSION_SUFFIXES,
    SharedObject,
    is_foreign,
    is_named_so,
    shared_objects,
)
from native_bootstrap.errors import SharedObjectError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from build_scripts.modules import DataFile
    from build_scripts.targets import Target


@dataclass(frozen=True, kw_only=True)
class CompiledFiles:
    """``left_out``: paths that do not travel in the zip, being in the program or of no use."""

    shared_objects: tuple[SharedObject, ...]
    left_out: frozenset[str]
    warnings: tuple[str, ...]


def find(others: Sequence[DataFile], folder: Path, target: Target) -> CompiledFiles:
    """Sort the compiled files among ``others``. Raises SharedObjectError."""
    named = [other for other in others if is_named_so(other.path)]
    foreign = [other.path for other in named if is_foreign(other.path, target.machine)]
    foreign += [
        other.path
        for other in others
        if other.path.endswith(EXTENSION_SUFFIXES) and not is_named_so(other.path)
    ]
    installed = _installed(folder) if named else {}
    _refuse_needed(foreign, installed, folder, target)
    found = shared_objects(
        [other for other in named if other.path not in foreign], target.machine, {}
    )
    checked = elf_checks.check(found, target, {})
    warnings = [
        f"{path} is left out: it is for another Python or another system" for path in foreign
    ]
    return CompiledFiles(
        shared_objects=checked.sound,
        left_out=frozenset([*foreign, *(item.path for item in checked.sound)]),
        warnings=(*warnings, *checked.warnings),
    )


def _installed(folder: Path) -> dict[str, tuple[str, ...]]:
    """What ``pip install -t .`` put here: "numpy 2.1.0" -> its files."""
    found = {}
    for record in sorted(folder.glob("*.dist-info/RECORD")):
        name, _, version = record.parent.name.removesuffix(".dist-info").partition("-")
        here = (path for path in recorded(record) if (folder / path).is_file())
        found[f"{name} {version}"] = tuple(here)
    return found


def _refuse_needed(
    foreign: Sequence[str], installed: Mapping[str, Sequence[str]], folder: Path, target: Target
) -> None:
    """An installed package that does not work without what cannot be loaded is an error."""
    for label, files in installed.items():
        theirs = [path for path in files if path in foreign]
        if not theirs or any(pure.is_compiled(p) and p not in theirs for p in files):
            continue
        verdict = pure.judge(files, folder)
        if not verdict.is_optional:
            raise SharedObjectError(
                f"{label} was installed into the project for another Python or another system: "
                f"{theirs[0]} cannot be loaded, and {verdict.reason}",
                hint=f"remove it from the folder and name {label.partition(' ')[0]} in "
                "requirements.txt: the build takes its musllinux wheel for "
                f"{target.machine}",
            )
