"""What ``build-native container …`` does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import targets
from build_scripts.container import engine, images, pins, recipe, registry
from native_bootstrap.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from build_scripts.log import Log


def run(parsed: argparse.Namespace, *, log: Log) -> int:
    """Run one action. What is asked for goes to stdout, progress to stderr."""
    return _pin(parsed, log) if parsed.action == "pin" else _build(parsed, log)


def _build(parsed: argparse.Namespace, log: Log) -> int:
    machine = targets.find(parsed.arch) if parsed.arch else targets.host()
    if parsed.pack not in (None, "build", "host", "none"):
        raise UsageError(f"--pack must be one of build, host, none, not {parsed.pack!r}")
    packs = [] if parsed.pack == "none" else [machine]
    wanted = recipe.Recipe(
        base=recipe.base_image(parsed.base or recipe.BASE, machine, parsed.lock),
        tag=parsed.tag or recipe.default_tag(machine),
        packs=packs,
        machine=machine,
        given=parsed.pack == "host",
    )
    if parsed.context is not None:
        recipe.write_context(wanted, parsed.context, log=log)
        for name, value in recipe.arguments(wanted).items():
            print(f"--build-arg {name}={value!r}")
        print(parsed.context)
        return 0
    if machine != targets.host():
        images.check_emulation(machine)
    chosen = engine.find(parsed.engine or "", log=log)
    recipe.build(wanted, chosen, registry.discover(os.environ, Path.home()), log=log)
    print(wanted.tag)
    return 0


def _pin(parsed: argparse.Namespace, log: Log) -> int:
    names = parsed.image or sorted({r for row in recipe.bases().values() for r in row.values()})
    lock = parsed.lock or Path(pins.LOCK)
    for reference, digest in pins.pin({name: name for name in names}, lock, log=log).items():
        print(f"{reference} {digest}")
    print(lock)
    return 0
