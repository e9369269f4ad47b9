"""Options of the commands that have to do with containers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

ENGINES = "docker, podman, finch or nerdctl"


def add_image(parser: argparse.ArgumentParser) -> None:
    """``build-native image``."""
    parser.add_argument("folder", type=Path, help="the output folder of a build")
    add = parser.add_argument
    add("--tag", metavar="NAME:TAG", help="the image's name")
    add("--output", type=Path, metavar="PATH", help="default: image.tar in the output folder")
    add("--format", help="archive (default, for docker load and podman load) or layout (OCI)")
    add("--base", metavar="IMAGE", help="a name, an archive or a layout (default: FROM scratch)")
    add("--engine", help=f"what a base image is taken from: {ENGINES}")
    rie = "put AWS's emulator in front, for runs without Lambda (default FILE: from its wheel)"
    add("--emulator", nargs="?", const="", metavar="FILE", help=rie)
    add("--certificates", type=Path, metavar="FILE", help="a trust store (PEM) for the image")
    add("--label", action="append", metavar="NAME=VALUE", help="a label of the image *")
    add("--verbose", action="store_true", help="show every command that is run")
    add("--debug", action="store_true", help="show tracebacks of errors")


def add_build(parser: argparse.ArgumentParser) -> None:
    """Options of a build that have to do with containers."""
    add = parser.add_argument
    inside = "build inside this image (default IMAGE: one that is made of manylinux_2_34)"
    add("--container", nargs="?", const="default", metavar="IMAGE", help=inside)
    add("--engine", help=f"{ENGINES} (default: the first that is installed)")
    emulate = "with --arch: run the other architecture's image under qemu"
    add("--emulate", action="store_true", default=None, help=emulate)


def add_container(actions: Any) -> None:
    """``build-native container …``."""
    build = actions.add_parser("build", help="make the image for --container")
    add = build.add_argument
    add("--base", metavar="IMAGE", help="manylinux_2_34 (default), al2023, or an image's name")
    add("--lock", type=Path, metavar="FILE", help="take the base by its digest in this file")
    add("--tag", metavar="NAME:TAG", help="default: the name that --container looks for")
    add("--arch", help="x86_64 or arm64 (default: this machine's)")
    add("--pack", help="the runtime pack: build (default, inside), host (this machine's) or none")
    add("--engine", help=f"{ENGINES} (default: the first that is installed)")
    add(
        "--context", type=Path, metavar="DIR", help="write the build context only, for docker build"
    )
    pin = actions.add_parser("pin", help="write the digests of base images into a lock file")
    pin.add_argument("image", nargs="*", help="default: those that the recipes are made for")
    lock = "default: images.lock.toml"
    pin.add_argument("--lock", type=Path, metavar="FILE", help=lock)
    for action in (build, pin):
        verbose = "show every command that is run"
        action.add_argument("--verbose", action="store_true", help=verbose)
        action.add_argument("--debug", action="store_true", help="show tracebacks of errors")
