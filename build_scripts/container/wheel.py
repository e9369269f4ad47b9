"""The project that runs here as a wheel, and what it needs in the versions that run here.

So an image has exactly this code and toolchain, whether it was installed, is a checkout, or is
somebody's changed copy. The same bytes for the same content: an unchanged layer stays in the cache.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import sys
import zipfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import build_scripts
import native_bootstrap

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "native-bootstrap"
PACKAGES = (native_bootstrap, build_scripts)
EPOCH = (1980, 1, 1, 0, 0, 0)


def write(folder: Path, extra: dict[str, Path]) -> Path:
    """Write the wheel into ``folder``; ``extra``: folders by the place they have in it."""
    version = importlib.metadata.version(NAME)
    stem = f"native_bootstrap-{version}"
    target = folder / f"{stem}-py3-none-any.whl"
    files = {**_sources(extra), **_metadata(f"{stem}.dist-info")}
    rows = [f"{path},sha256={_hash(files[path])},{len(files[path])}" for path in sorted(files)]
    record = f"{stem}.dist-info/RECORD"
    files[record] = "\n".join([*rows, f"{record},,", ""]).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, files[path], zipfile.ZIP_DEFLATED)
    return target


def _sources(extra: dict[str, Path]) -> dict[str, bytes]:
    places = {Path(str(package.__file__)).parent.name: package for package in PACKAGES}
    folders = {name: Path(str(package.__file__)).parent for name, package in places.items()}
    found = {}
    for name, folder in {**folders, **extra}.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found[f"{name}/{path.relative_to(folder)}"] = path.read_bytes()
    return found


def _metadata(folder: str) -> dict[str, bytes]:
    distribution = importlib.metadata.distribution(NAME)
    points = [point for point in distribution.entry_points if point.group == "console_scripts"]
    lines = ["[console_scripts]", *(f"{point.name} = {point.value}" for point in points), ""]
    wheel = ["Wheel-Version: 1.0", f"Generator: {NAME}", "Root-Is-Purelib: true"]
    facts = ["Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {distribution.version}"]
    facts += [f"Requires-Dist: {text}" for text in _own_requirements()]
    return {
        f"{folder}/METADATA": "\n".join([*facts, ""]).encode(),
        f"{folder}/WHEEL": "\n".join([*wheel, "Tag: py3-none-any", ""]).encode(),
        f"{folder}/entry_points.txt": "\n".join(lines).encode(),
    }


def _hash(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _own_requirements() -> list[str]:
    """In a checkout its pyproject.toml has them: what was noted at its installation may be old."""
    project = Path(str(build_scripts.__file__)).parents[1] / "pyproject.toml"
    if project.is_file():
        table = tomllib.loads(project.read_text("utf-8")).get("project", {})
        if table.get("name") == NAME:
            return list(table["dependencies"])
    found = importlib.metadata.requires(NAME) or []
    return [text for text in found if "extra ==" not in text]


def requirements() -> list[str]:
    """Every distribution that the project runs with here, pinned."""
    found: dict[str, str] = {}
    waiting = _own_requirements()
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name in found or not _applies(requirement):
            continue
        found[name] = importlib.metadata.version(name)
        waiting += importlib.metadata.requires(name) or []
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})
