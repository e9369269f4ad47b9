"""How long a build takes after a change of the handler, everything else in the cache."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, pipeline
from build_scripts.log import quiet
from build_scripts.scratch import private_folder
from native_bootstrap.errors import FatalError

if TYPE_CHECKING:
    from build_scripts.options import Options

VARIABLE = "NATIVE_BOOTSTRAP_CACHE"
NOT_COPIED = shutil.ignore_patterns("__pycache__", "dist", ".git", ".venv", "node_modules")


def measure(options: Options, folder: Path) -> float | None:
    """Seconds; None where a copy of the project cannot be built (paths that lead out of it)."""
    changed = shutil.copytree(options.project, folder / "changed", ignore=NOT_COPIED)
    module = options.handler.rpartition(".")[0].replace(".", "/")
    found = [p for p in (f"{module}.py", f"{module}/__init__.py") if Path(changed, p).is_file()]
    if not found:
        return None
    with Path(changed, found[0]).open("a") as file:
        file.write(f"\n# changed at {time.time_ns()}\n")
    asked = dataclasses.replace(options, project=Path(changed), output=folder / "changed-dist")
    with linked_cache(folder.parent.parent):
        start = time.monotonic()
        try:
            pipeline.build(asked, log=quiet())
        except FatalError:
            return None
        return round(time.monotonic() - start, 3)


@contextmanager
def linked_cache(folder: Path) -> Iterator[Path]:
    """A cache whose entries are links into the real one: what is built there, is lost after."""
    real = cache.root()
    before = os.environ.get(VARIABLE)
    with private_folder("cache-", folder) as private:
        for kind in real.iterdir():
            if kind.name in ("locks", "work", "logs", "bench") or not kind.is_dir():
                continue
            if kind.name.startswith("zig"):
                (private / kind.name).symlink_to(kind)
                continue
            (private / kind.name).mkdir()
            for entry in kind.glob("[!.]*"):
                (private / kind.name / entry.name).symlink_to(entry)
        os.environ[VARIABLE] = str(private)
        try:
            yield private
        finally:
            if before is None:
                del os.environ[VARIABLE]
            else:
                os.environ[VARIABLE] = before
