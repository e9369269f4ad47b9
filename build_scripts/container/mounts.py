"""What of the machine a build sees inside: each at the path that it has outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, requirements
from build_scripts.snapshot import room
from native_bootstrap.errors import ToolError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from build_scripts.container.registry import Registry
    from build_scripts.options import Options
    from build_scripts.targets import Target


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file or folder, at ``target`` inside (by default where it is outside)."""

    source: Path
    writable: bool = False
    target: Path | None = None

    @property
    def argument(self) -> str:
        place = self.target or self.source
        if "," in f"{self.source}{place}":
            raise UsageError(
                f"{self.source} cannot be mounted into a container: it has a comma in its name"
            )
        mode = "" if self.writable else ",readonly"
        return f"--mount=type=bind,source={self.source},target={place}{mode}"


def collect(
    options: Options, known: Registry, *, event: Path | None, sources: Path | None, host: Target
) -> list[Mount]:
    """The project, what its requirements name, and single files read-only; output, report and cache
    writable. All of it exists.

    ``event``: of --invoke; ``sources``: a folder with archives for the runtime pack. Raises what
    reading the requirements does.
    """
    project = options.project.resolve()
    asked = requirements.find(options.project, options.requirements)
    single = [path for path in (options.env_file, options.event, event) if path is not None]
    folders = [options.requirements.parent] if options.requirements else []
    folders += [sources] if sources else []
    folders += [*asked.local, *asked.files] if asked else []
    readable = [project, *(path.resolve() for path in (*folders, *single) if path.exists())]
    found = [Mount(source=path) for path in readable]
    # Registries' files keep the very paths that variables and settings name.
    found += [Mount(source=path) for path in (*known.files, *known.folders)]
    found += [Mount(source=path, writable=True) for path in written(options)]
    if options.target != host and options.snapshot != "off":
        found += _emulator(options.target)
    return _without_repetition(found)


def written(options: Options) -> list[Path]:
    """The folders that a build writes to."""
    report = [options.report.parent] if options.report else []
    return [path.resolve() for path in (options.output, *report, cache.root())]


def _emulator(target: Target) -> list[Mount]:
    """This machine's qemu: few distributions package a static one. Without it, the image's own."""
    try:
        path = room.find_emulator(target)
    except ToolError:
        return []
    return [
        Mount(source=path.resolve(), target=Path("/usr/local/bin", f"qemu-{target.machine}-static"))
    ]


def _without_repetition(found: Iterable[Mount]) -> list[Mount]:
    """One mount for a place, writable if any is, and parents before what is inside them."""
    by_place: dict[Path, Mount] = {}
    for mount in found:
        place = mount.target or mount.source
        if place not in by_place or mount.writable:
            by_place[place] = mount
    return [by_place[place] for place in sorted(by_place)]
