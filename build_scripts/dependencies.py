"""Installs the project's requirements for the target with uv, and makes the result pure Python.

An unchanged request is answered from the cache without uv: unpinned requirements keep the versions
that they got first, until ``--refresh``.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, installer, pure, requirements
from build_scripts.modules import DataFile, ModuleFile, scan
from native_bootstrap.errors import NoUsableWheelError

if TYPE_CHECKING:
    from build_scripts.log import Log
    from build_scripts.requirements import Request
    from build_scripts.targets import Target

PYTHON_VERSION = "3.13"
# What an installer writes for itself: absolute paths, times, or of no use in a function.
INSTALLER_FILES = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}
)
USELESS_SUFFIXES = (".pyi", ".pyc", ".pyx", ".pxd", ".c", ".h", ".cpp", ".pth")


@dataclass(frozen=True, kw_only=True)
class Package:
    """One installed distribution; ``fell_back`` lists the compiled files it now does without."""

    name: str
    version: str
    fell_back: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """``site``: the installed packages; ``key`` stands for its content; ``data``: for the zip."""

    site: Path | None
    packages: tuple[Package, ...]
    modules: tuple[ModuleFile, ...]
    data: tuple[DataFile, ...]
    key: str


NONE = Dependencies(site=None, packages=(), modules=(), data=(), key="")


def install(
    project: Path,
    target: Target,
    *,
    log: Log,
    chosen: Path | None = None,
    refresh: bool = False,
) -> Dependencies:
    """Everything the project requires, installed for ``target``.

    ``chosen`` is the requirements file of ``-r``. Source distributions are built with the Python
    that runs this: the pack's has no libc that uv could detect. Raises ResolutionError or
    NoUsableWheelError.
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
                _fill(work, project, request, target, refresh, log)
    return _load(entry)


def _rules() -> list[Path]:
    here = Path(__file__).parent
    names = ("dependencies.py", "installer.py", "pure.py", "resources/pure_fallbacks.toml")
    return [here / name for name in names]


def _fill(
    work: Path,
    project: Path,
    request: Request,
    target: Target,
    refresh: bool,
    log: Log,
) -> None:
    site = work / "site"
    site.mkdir()
    python = Path(sys.executable)
    uv = installer.Uv(python=python, platform=target.uv_platform, cwd=project, log=log)
    installer.install(uv, request, site, refresh=refresh)
    packages = [_make_pure(uv, request, found, site, log) for found in installer.installed(site)]
    _clean(site)
    content = cache.content_key(site)
    (work / "packages.json").write_text(
        json.dumps({"key": content, "packages": [asdict(package) for package in packages]})
    )


def _make_pure(
    uv: installer.Uv, request: Request, found: installer.Installed, site: Path, log: Log
) -> Package:
    compiled = tuple(path for path in found.files if pure.is_compiled(path))
    if not compiled:
        return Package(name=found.name, version=found.version)
    label = f"{found.name} {found.version}"
    with tempfile.TemporaryDirectory(dir=site.parent) as scratch:
        if installer.install_pure(uv, request, found, Path(scratch)):
            installer.remove(found.files, site)
            shutil.copytree(scratch, site, dirs_exist_ok=True)
            log.detail(f"{label}: its pure wheel")
            return Package(
                name=found.name, version=found.version, fell_back=compiled, reason="pure wheel"
            )
    verdict = pure.judge(requirements.normalise(found.name), found.files, site)
    if not verdict.is_optional:
        by = installer.required_by(found.name, site)
        asked = f" (required by {', '.join(by)})" if by else ""
        raise NoUsableWheelError(
            f"{label}{asked} needs its compiled part, which the static program cannot load yet: "
            f"{verdict.reason}",
            hint="binary wheels come with a later version; until then choose a package in plain "
            "Python, or a version of it that has a fallback",
        )
    installer.remove(verdict.drop, site)
    log.detail(f"{label} falls back to pure Python: {verdict.reason}")
    return Package(
        name=found.name, version=found.version, fell_back=compiled, reason=verdict.reason
    )


def _clean(site: Path) -> None:
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
            or (path.parent.name.endswith(".dist-info") and path.name in INSTALLER_FILES)
        ):
            path.unlink()


def _load(entry: Path) -> Dependencies:
    site = entry / "site"
    found = json.loads((entry / "packages.json").read_text())
    tree = scan(site)
    return Dependencies(
        site=site,
        packages=tuple(
            Package(**{**package, "fell_back": tuple(package["fell_back"])})
            for package in found["packages"]
        ),
        modules=tree.modules,
        data=tree.others,
        key=found["key"],
    )
