"""What ``build-native image …`` does."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts.container import engine, recipe
from build_scripts.image import function, write
from build_scripts.scratch import private_folder
from native_bootstrap.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from build_scripts.log import Log

FORMS = ("archive", "layout")
MB = 1e6


def run(parsed: argparse.Namespace, *, log: Log) -> int:
    """Write the image; where it is and its hashes go to stdout."""
    form = parsed.format or "archive"
    if form not in FORMS:
        raise UsageError(f"--format must be one of {', '.join(FORMS)}, not {form!r}")
    with _base(parsed, log) as base:
        request = write.Request(
            folder=parsed.folder,
            output=parsed.output or parsed.folder / ("image" if form == "layout" else "image.tar"),
            tag=parsed.tag or "",
            form=form,
            base=base,
            base_name=parsed.base or "",
            emulator=_emulator(parsed.emulator),
            certificates=parsed.certificates,
            labels=_labels(parsed.label or ()),
        )
        made = write.write(request, log=log)
    name = f"{request.tag} " if request.tag else ""
    print(f"image   {name}linux/{made.arch}, {len(made.layers)} layers, {made.size / MB:.1f} MB")
    print(f"digest  {made.digest}")
    print(f"file    {made.path}")
    return 0


@contextmanager
def _base(parsed: argparse.Namespace, log: Log) -> Iterator[Path | None]:
    """The base image on disk: as it was given, or as an engine saves it."""
    if parsed.base is None:
        yield None
        return
    if Path(parsed.base).exists():
        yield Path(parsed.base)
        return
    target = function.load(parsed.folder).target
    platform = recipe.PLATFORMS[target.arch]
    chosen = engine.find(parsed.engine or "", log=log)
    name = recipe.base_image(parsed.base, target)
    if chosen.image(name) is None:
        chosen.pull(name, platform=platform)
    with private_folder() as scratch:
        archive = scratch / "base.tar"
        chosen.run("save", "--output", archive, name, what=f"saving {name}")
        yield archive


def _emulator(given: str | None) -> Path | bool:
    """``--emulator`` without a file: the one of the aws-sam-cli wheel."""
    return Path(given) if given else given is not None


def _labels(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for row in given:
        name, equals, value = row.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--label {row}: not NAME=VALUE")
        found[name] = value
    return found
