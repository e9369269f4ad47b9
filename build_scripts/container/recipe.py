"""The build image: its build context, and the engine's run over it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import build_scripts
from build_scripts import cache, pack
from build_scripts.container import pins, registry, wheel
from build_scripts.pack import providers, sources
from build_scripts.scratch import private_folder
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from build_scripts.container.engine import Engine
    from build_scripts.container.registry import Registry
    from build_scripts.log import Log
    from build_scripts.targets import Target

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LABEL = "io.native-bootstrap.build-image"
NAME = "native-bootstrap-build"
BASE = "manylinux_2_34"  # glibc of AlmaLinux 9; wheels and programs do not depend on it
PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
# In an installed project beside this module; in a checkout at the top.
_PLACES = (
    Path(__file__).parent / "manylinux",
    Path(build_scripts.__file__).parents[1] / "manylinux",
)
_SCRIPTS = ("Dockerfile", "prepare.sh", "with-registry.sh", "fetch.py", "packs.sh")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """``base``: an image's name; ``machine``: what it runs on. ``packs``: the targets whose runtime
    packs go in; with ``given`` those of this machine, else they are compiled inside."""

    base: str
    tag: str
    packs: Sequence[Target]
    machine: Target
    given: bool = False


def folder() -> Path:
    """Where the recipe's files are."""
    for place in _PLACES:
        if (place / "Dockerfile").is_file():
            return place
    raise ToolError("the recipe of the build image is missing", hint="install the project again")


def content() -> str:
    """What an image has to be labelled with to hold the project that runs here."""
    packages = [Path(str(package.__file__)).parent for package in wheel.PACKAGES]
    return cache.content_key(*packages, folder() / "Dockerfile", *wheel.requirements())


def default_tag(machine: Target) -> str:
    """Another one for each state of the project: no build runs in an image of before."""
    return f"{NAME}:{version('native-bootstrap')}-{content()[:8]}-{machine.arch}"


def bases() -> dict[str, dict[str, str]]:
    """images.toml: for each base, the image by architecture."""
    return dict(tomllib.loads((folder() / "images.toml").read_text("utf-8")))


def base_image(name: str, machine: Target, lock: Path | None = None) -> str:
    """A base of images.toml by its name, with the digest of a lock file; else ``name`` itself."""
    found = bases().get(name, {}).get(machine.arch, name)
    return pins.locked(found, lock) if lock is not None else found


def build(recipe: Recipe, engine: Engine, known: Registry, *, log: Log) -> None:
    """Build the image; what the engine prints is shown with --verbose, or when it fails."""
    with private_folder() as scratch:
        context = scratch / "context"
        write_context(recipe, context, log=log)
        secret = scratch / "registry.tar"
        secret.touch(0o600)
        secret.write_bytes(registry.pip_secret(known))
        command: list[str | Path] = [
            engine.path,
            "build",
            *("--network", "host", "--platform", PLATFORMS[recipe.machine.arch]),
            *("--secret", f"id=registry,src={secret}", "--tag", recipe.tag),
            *(f"--build-arg={name}={value}" for name, value in arguments(recipe).items()),
        ]
        if engine.name == "podman":  # the others cannot: a local index is for them to serve
            command += [f"--volume={path}:{path}:ro" for path in known.folders]
        with log.step("build image", detail=f"{recipe.tag} on {recipe.base}"):
            _run([*command, context], engine, log)


def arguments(recipe: Recipe) -> dict[str, str]:
    return {
        "BASE": recipe.base,
        "PACKS": " ".join(target.arch for target in recipe.packs),
        "CONTENT": content(),
        "VERSION": version("native-bootstrap"),
    }


def _run(command: Sequence[str | Path], engine: Engine, log: Log) -> None:
    """Line by line, so that --verbose shows minutes of work as they pass."""
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                lines.append(line.rstrip())
                log.detail(lines[-1])
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        kept = cache.root() / "logs" / "build-image.log"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("\n".join(lines), encoding="utf-8")
        error = engine.explain("\n".join(lines[-40:]), "building the image")
        error.kept = kept
        raise error


def write_context(recipe: Recipe, target: Path, *, log: Log) -> None:
    """Everything that the Dockerfile copies; nothing in it depends on the time or on its place."""
    with cache.translate_os_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        for name in _SCRIPTS:
            shutil.copyfile(folder() / name, target / name)
        (target / "requirements.txt").write_text("\n".join([*wheel.requirements(), ""]))
        (target / "wheels").mkdir()
        wheel.write(target / "wheels", {"build_scripts/container/manylinux": folder()})
        _write_packs(recipe, target / "packs", log)
        _write_sources(recipe, target / "sources", log)


def _write_packs(recipe: Recipe, target: Path, log: Log) -> None:
    target.mkdir()
    (target / "README").write_text("Runtime packs of this machine, if they were asked for.\n")
    for wanted in recipe.packs if recipe.given else ():
        ready = pack.ensure(wanted, log=log)
        pack.export(ready, target / f"{ready.root.name}.tar.xz", log=log)


def _write_sources(recipe: Recipe, target: Path, log: Log) -> None:
    """The table's rows; and the archives themselves as far as they will be compiled."""
    table = sources.load()
    if not recipe.given:
        providers.provide(list(table.values()), log=log)
    for source in table.values():
        place = target / source.name
        place.mkdir(parents=True)
        row = asdict(source)
        chosen = {name: row[name] for name in ("file", "names", "urls", "sha256")}
        (place / "source.json").write_text(json.dumps(chosen, indent=1) + "\n")
        archive = sources.folder() / source.file
        if sources.is_here(source):
            shutil.copyfile(archive, place / source.file)
