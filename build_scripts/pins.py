"""The versions that a request resolves to, one line for each package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from build_scripts import installer, local_sources
from build_scripts.requirements import PINNED, normalise
from build_scripts.scratch import private_folder
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from build_scripts.installer import Uv
    from build_scripts.requirements import Request


@dataclass(frozen=True, kw_only=True)
class Pins:
    """A resolution: the line and the version of each package, and who asks for it.

    In the place of its name, a folder or archive that is given by its path has its URL.
    """

    lines: Mapping[str, str]
    versions: Mapping[str, str]
    wanted_by: Mapping[str, tuple[str, ...]]

    def named(self, name: str, url: str) -> Pins:
        """The same, once the name of what lies at ``url`` is known."""
        lines = {name if key == url else key: line for key, line in self.lines.items()}
        return replace(self, lines=lines)


def resolve(uv: Uv, request: Request, only_wheels: Iterable[str]) -> Pins | None:
    """Versions of everything; for packages that only have wheels for glibc those count."""
    with private_folder() as scratch:
        target = scratch / "pins.txt"
        for platform in (uv.platform, uv.platform.replace("-musl", "-gnu")):
            arguments = [str(request.listing(scratch)), *installer.only_wheels(only_wheels)]
            try:
                installer.compile_pins(uv, platform, target, arguments)
            except ToolError:
                continue
            return _pins(target.read_text("utf-8"), request)
    return None


def _direct(line: str, folder: Path) -> tuple[str, str]:
    """Name and line of a package that comes from a folder, an archive or a repository."""
    name, at, _ = line.partition(" @ ")
    if at:  # PEP 508
        return normalise(name.partition("[")[0]), line
    place = local_sources.of_line(line, folder)
    text = place.resolve().as_uri() if place else line
    return text, text


def _pins(text: str, request: Request) -> Pins:
    lines, versions, wanted_by = {}, {}, {}
    for line in text.splitlines():
        asked, _, via = line.partition("# via ")
        found = PINNED.match(asked)
        name, pinned = _direct(asked.strip(), request.folder)
        if found:
            name = normalise(found[1])
            versions[name] = found[2]
            pinned = request.line_of(name, found[2]) or asked.strip()
        if not name or name.startswith("#"):
            continue
        lines[name] = pinned
        by = [one.strip() for one in via.split(",")]
        wanted_by[name] = tuple(one for one in by if one and not one.startswith("-"))
    return Pins(lines=lines, versions=versions, wanted_by=wanted_by)
