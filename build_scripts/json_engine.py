"""orjson for the runtime: the project's own, or a pinned one that only the runtime can load.

The copy is a shared object of the program under a name of ours and no module of the archive: what
does ``try: import orjson`` finds it missing, as it would anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import dependencies, requirements
from build_scripts.scratch import private_folder
from native_bootstrap.errors import NoUsableWheelError, ResolutionError

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from build_scripts.log import Log
    from build_scripts.modules import SharedObject
    from build_scripts.options import Options

NAME = "orjson"
PINNED = Path(__file__).parent / "resources" / "orjson.txt"
FOLDER = "native_bootstrap/runtime"  # in the task root, where nothing of the function can be


@dataclass(frozen=True, kw_only=True)
class JsonEngine:
    """``setting`` is what the runtime reads (its json_engine.py); ``label`` is for the report;
    ``site``: where the copy was installed, ``shared``: its shared object."""

    setting: str = ""
    label: str = "stdlib"
    site: Path | None = None
    shared: tuple[SharedObject, ...] = ()


STDLIB = JsonEngine()
OWN = JsonEngine(setting=NAME, label="orjson (the project's)")


def choose(options: Options, extensions: Container[str], *, log: Log) -> JsonEngine:
    """The engine for a program with these extension modules.

    Raises ResolutionError or NoUsableWheelError where the copy cannot be had.
    """
    if options.json == "stdlib":
        return STDLIB
    if f"{NAME}.{NAME}" in extensions:
        return OWN
    places = _places(options)
    try:
        installed = _install(options, places, log)
    except (ResolutionError, NoUsableWheelError) as error:
        if "--no-index" in places and options.origins.get("json", "default") == "default":
            log.detail("no orjson where the project's requirements come from: no JSON engine")
            return STDLIB
        raise type(error)(
            f"orjson, the runtime's JSON engine, cannot be installed: {error.message}",
            hint="let it come from where your requirements come from, or build with --json stdlib",
            kept=error.kept,
        ) from error
    (package,) = installed.packages
    (found,) = installed.shared_objects
    path = f"{FOLDER}/{found.file.name}"
    copy = replace(found, path=path, module="", is_package=False)
    label = f"{package.name} {package.version}"
    return JsonEngine(setting=path, label=label, site=installed.site, shared=(copy,))


def _places(options: Options) -> tuple[str, ...]:
    request = requirements.find(options.project, options.requirements)
    return request.places if request else ()


def _install(options: Options, places: Sequence[str], log: Log) -> dependencies.Dependencies:
    """From where the project's requirements come from. Cached like them; it is pinned, so there is
    nothing to refresh."""
    with private_folder() as scratch:
        chosen = scratch / PINNED.name
        chosen.write_text("\n".join([*places, PINNED.read_text("utf-8")]), "utf-8")
        return dependencies.install(options.project, options.target, log=log, chosen=chosen)
