"""The runtime pack: static CPython and its libraries for one target.

``ensure`` is what the pipeline calls; the other functions are the actions of
``build-native pack``.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, targets
from build_scripts.pack import assemble, model, providers, sources, steps
from build_scripts.pack.model import Pack
from build_scripts.pack.transfer import export, import_

if TYPE_CHECKING:
    from build_scripts.log import Log
    from build_scripts.targets import Target

GIVEN = "NATIVE_BOOTSTRAP_PACKS"  # a folder of archives that `pack export` wrote

__all__ = [
    "Pack",
    "Packs",
    "build",
    "ensure",
    "ensure_both",
    "export",
    "import_",
    "list_packs",
    "path",
]


@dataclass(frozen=True, kw_only=True)
class Packs:
    """The pack that is linked, and the one whose Python runs here (often the same)."""

    target: Pack
    host: Pack

    @property
    def python(self) -> Path:
        return self.host.python

    @property
    def python_key(self) -> str:
        return self.host.base_key


def ensure_both(target: Target, *, log: Log) -> Packs:
    """The pack for ``target`` and that of this machine; raises what ``ensure`` does."""
    found, host = ensure(target, log=log), targets.host()
    return Packs(target=found, host=found if target == host else ensure(host, log=log))


def ensure(target: Target, *, log: Log, local_sources: Path | None = None) -> Pack:
    """The pack for ``target``, built when it is not there (or not whole) yet.

    Raises SourceUnavailableError, SourceHashError, ToolError, DiskFullError.
    """
    found = path(target) or _given(target, log)
    if found is not None:
        return found
    return build(target, log=log, local_sources=local_sources)


def _given(target: Target, log: Log) -> Pack | None:
    """From a folder of exported packs, such as that of a build image."""
    folder = os.environ.get(GIVEN)
    if not folder:
        return None
    table = sources.load()
    name = assemble.root_of(steps.plan(target, table), table, target.arch).name
    archive = Path(folder, f"{name}.tar.xz")
    return import_(archive, log=log) if archive.is_file() else None


def path(target: Target) -> Pack | None:
    """The finished pack for ``target`` that fits this version of the project, if there is one."""
    table = sources.load()
    pack = model.read(assemble.root_of(steps.plan(target, table), table, target.arch))
    return pack if pack is not None and model.is_intact(pack) else None


def build(
    target: Target, *, log: Log, local_sources: Path | None = None, verify: bool = False
) -> Pack:
    """Build what is missing; with ``verify`` check every file of an existing pack by content."""
    table = sources.load()
    with cache.lock(f"pack-{target.arch}"):
        planned = steps.plan(target, table)
        found = path(target)  # another process may have built it meanwhile
        if found is not None and verify:
            wrong = model.damage(found)
            if wrong:
                _tell(log, f"{found.root.name} is damaged ({wrong[0]}, …): building it again")
                shutil.rmtree(found.root)
                steps.forget(planned)
                found = None
        if found is not None:
            return found
        host_python = None
        if target != targets.host():
            host_python = ensure(targets.host(), log=log, local_sources=local_sources).python
        start = time.monotonic()
        steps.sweep(target)
        _tell(log, f"building the runtime pack for {target.arch}, once; it goes to {cache.root()}")
        providers.provide(list(table.values()), local=local_sources, log=log)
        progress = steps.run(planned, sources=table, host_python=host_python, log=log)
        pack = assemble.publish(planned, table, host_python=host_python, progress=progress, log=log)
        _tell(log, f"runtime pack {pack.root.name}: {time.monotonic() - start:.0f} s")
        return pack


def _tell(log: Log, message: str) -> None:
    log.info(message)


def list_packs() -> list[Pack]:
    """All readable packs in the cache, newest first."""
    roots = [root for root in model.folder().glob("*") if not root.name.startswith(".")]
    found = [pack for pack in map(model.read, roots) if pack is not None]
    return sorted(found, key=lambda pack: str(pack.info.get("built", "")), reverse=True)
