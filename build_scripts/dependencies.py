"""Installs the project's requirements for the target with uv, as musllinux wheels.

An unchanged request is answered from the cache without uv: unpinned requirements keep the versions
that they got first, until ``--refresh``.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, elf_checks, installer, requirements, source_builds, wheels
from build_scripts.modules import (
    DataFile,
    ModuleFile,
    SharedObject,
    is_foreign,
    is_named_so,
    scan,
    shared_objects,
)
from build_scripts.scratch import private_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from build_scripts.log import Log
    from build_scripts.requirements import Request
    from build_scripts.targets import Target

PYTHON_VERSION = "3.13"
# What an installer writes for itself: absolute paths, times, or of no use in a function.
INSTALLER_FILES = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}
)
USELESS_SUFFIXES = (".pyi", ".pyc", ".pyx", ".pxd", ".c", ".h", ".cpp", ".pth", ".a", ".lib")
NO_WHEEL = "has no wheel for the target"
_TUPLES = ("tags", "compiled", "fell_back")


@dataclass(frozen=True, kw_only=True)
class Package:
    """One installed distribution.

    ``tags`` are its wheel's, ``compiled`` the paths of its shared objects. ``fell_back`` lists the
    compiled files that it does without, for want of a musllinux wheel; ``reason`` says why it can,
    or why it is not the newest version.
    """

    name: str
    version: str
    tags: tuple[str, ...] = ()
    compiled: tuple[str, ...] = ()
    fell_back: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """``site``: the installed packages; ``key`` stands for its content; ``data``: for the zip.

    ``shared_objects`` are put into the program.
    """

    site: Path | None
    packages: tuple[Package, ...]
    modules: tuple[ModuleFile, ...]
    data: tuple[DataFile, ...]
    key: str
    shared_objects: tuple[SharedObject, ...] = ()
    warnings: tuple[str, ...] = ()


NONE = Dependencies(site=None, packages=(), modules=(), data=(), key="")


def install(
    project: Path,
    target: Target,
    *,
    log: Log,
    chosen: Path | None = None,
    refresh: bool = False,
    compiling: bool = True,
) -> Dependencies:
    """Everything the project requires, installed for ``target``.

    ``chosen`` is the requirements file of ``-r``. Source distributions are built with the Python
    that runs this, and with the pack's where they have to be compiled, if ``compiling``. Raises
    ResolutionError or NoUsableWheelError.
    """
    request = requirements.find(project, chosen)
    if request is None:
        return NONE
    key = cache.content_key(
        request.key,
        target.uv_platform,
        PYTHON_VERSION,
        version("uv"),
        *sorted(path.read_bytes() for path in _rules()),
    )
    entry = cache.root() / "dependencies" / key
    with cache.lock(f"dependencies-{key}"):
        if refresh or not cache.is_intact(entry):
            with log.step("dependencies", detail=request.origin), cache.publish(entry) as work:
                _fill(work, project, request, target, refresh, compiling, log)
    found = _load(entry)
    for warning in found.warnings:
        log.warning(warning)
    return found


def _rules() -> list[Path]:
    here = Path(__file__).parent
    names = ("dependencies", "installer", "elf_checks", "modules", "pins", "pure")
    return [here / f"{name}.py" for name in (*names, "source_builds", "wheels")]


def _fill(
    work: Path,
    project: Path,
    request: Request,
    target: Target,
    refresh: bool,
    compiling: bool,
    log: Log,
) -> None:
    site = work / "site"
    site.mkdir()
    uv = installer.Uv(
        python=Path(sys.executable), platform=target.uv_platform, cwd=project, log=log
    )
    with private_folder() as scratch:
        if request.is_lock:
            listing = scratch / "requirements.txt"
            installer.export_lock(uv, listing)
            request = request.exported(listing)
        builder = partial(source_builds.install, target=target) if compiling else None
        outcome = wheels.install(uv, request, site, refresh=refresh, builder=builder)
    distributions = installer.installed(site)
    _clean(site, target)
    labels = {path: f"{d.name} {d.version}" for d in distributions for path in d.files}
    tags = {f"{d.name} {d.version}": d.tags for d in distributions}
    found = shared_objects(
        [other for other in scan(site).others if is_named_so(other.path)],
        target.machine,
        labels,
    )
    checked = elf_checks.check(found, target, tags)
    packages = [
        _package(one, outcome, {item.path for item in checked.sound}) for one in distributions
    ]
    record = {
        "key": cache.content_key(site),
        "packages": [asdict(package) for package in packages],
        "shared_objects": {item.path: item.package for item in checked.sound},
        "machine": target.machine,
        "warnings": [*_older(packages), *checked.warnings],
    }
    (work / "packages.json").write_text(json.dumps(record))


def _package(
    found: installer.Installed, outcome: wheels.Outcome, embedded: AbstractSet[str]
) -> Package:
    name = requirements.normalise(found.name)
    fallback = outcome.fallbacks.get(name)
    reason = fallback.reason if fallback else ""
    if name in outcome.older:
        reason = f"{outcome.older[name]} {NO_WHEEL}"
    return Package(
        name=found.name,
        version=found.version,
        tags=found.tags,
        compiled=tuple(path for path in found.files if path in embedded),
        fell_back=fallback.dropped if fallback else (),
        reason=reason,
    )


def _older(packages: Sequence[Package]) -> list[str]:
    return [
        f"{package.name} {package.version} is taken: {package.reason}"
        for package in packages
        if package.reason.endswith(NO_WHEEL)
    ]


def _clean(site: Path, target: Target) -> None:
    """Remove what has no meaning in the function or differs from machine to machine."""
    shutil.rmtree(site / "bin", ignore_errors=True)
    for path in sorted(site.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name == "__pycache__":
                shutil.rmtree(path)
            elif not any(path.iterdir()):
                path.rmdir()
        elif (
            path.name == ".lock"
            or path.name.endswith(USELESS_SUFFIXES)
            or is_foreign(path.name, target.machine)
            or (path.parent.name.endswith(".dist-info") and path.name in INSTALLER_FILES)
        ):
            path.unlink()


def _load(entry: Path) -> Dependencies:
    site = entry / "site"
    found = json.loads((entry / "packages.json").read_text())
    tree = scan(site)
    embedded = found["shared_objects"]
    return Dependencies(
        site=site,
        packages=tuple(
            Package(**{**package, **{name: tuple(package[name]) for name in _TUPLES}})
            for package in found["packages"]
        ),
        modules=tree.modules,
        data=tuple(other for other in tree.others if other.path not in embedded),
        key=found["key"],
        shared_objects=shared_objects(
            [other for other in tree.others if other.path in embedded], found["machine"], embedded
        ),
        warnings=tuple(found["warnings"]),
    )
