"""AWS's Runtime Interface Emulator, for images that answer without Lambda.

It comes out of the wheel of aws-sam-cli, which ships it for both architectures as a static program.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from build_scripts import cache, installer, process
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from pathlib import Path

    from build_scripts.log import Log
    from build_scripts.targets import Target

WHEEL = "aws-sam-cli==1.170.0"
PLACE = "usr/local/bin/aws-lambda-rie"  # where AWS's own images have it
PORT = 8080  # that it listens on unless told otherwise


def fetch(target: Target, *, log: Log) -> Path:
    """The emulator for ``target``, from the cache or, once, from the package index."""
    folder = cache.root() / "emulators" / WHEEL.replace("==", "-")
    if not cache.is_intact(folder):
        with log.step("emulator", detail=WHEEL), cache.publish(folder) as work:
            site = work / "site"
            _install(site, log)
            for name in ("x86_64", "arm64"):
                binary = site / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{name}"
                if not binary.is_file():
                    raise ToolError(f"{WHEEL} holds no emulator for {name}")
                shutil.copyfile(binary, work / name)
                (work / name).chmod(0o755)
            shutil.rmtree(site)
    return folder / target.arch


def _install(site: Path, log: Log) -> None:
    from uv import find_uv_bin

    flags = ("--quiet", "--no-deps", "--no-compile-bytecode", "--color", "never")
    command = [find_uv_bin(), "pip", "install", "--python", sys.executable, *flags]
    try:
        process.run([*command, "--target", site, WHEEL], log=log, what="uv")
    except ToolError as error:
        raise installer.explain(error.message, "AWS's emulator", error.kept) from error
