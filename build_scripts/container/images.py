"""Which image a build runs in, and whether it is one to build in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import targets
from build_scripts.container import recipe
from native_bootstrap.errors import ContainerImageError, EngineError

if TYPE_CHECKING:
    from build_scripts.container.engine import Engine
    from build_scripts.container.registry import Registry
    from build_scripts.log import Log
    from build_scripts.options import Options
    from build_scripts.targets import Target

OWN = "default"  # --container without a name
PLATFORMS = recipe.PLATFORMS
BINFMT = Path("/proc/sys/fs/binfmt_misc")
OTHER_STATE = (
    "the image {name} holds another state of native-bootstrap than the one that runs here; "
    "results may differ from those of a build without --container"
)
MAKE = "make one with build-native container build, or build yours FROM it"


def ready(chosen: Options, engine: Engine, known: Registry, *, log: Log) -> str:
    """The name of an image that is here and that the build can run in."""
    host = targets.host()
    machine = chosen.target if chosen.emulate else host
    if machine != host:
        check_emulation(machine)
    name = chosen.container
    if name == OWN:
        name = recipe.default_tag(machine)
        if engine.image(name) is None:
            base = recipe.base_image(recipe.BASE, machine)
            wanted = recipe.Recipe(base=base, tag=name, packs=[machine], machine=machine)
            recipe.build(wanted, engine, known, log=log)
    found = engine.image(name)
    if found is None:
        engine.pull(name, platform=PLATFORMS[machine.arch])
        found = engine.image(name) or {}
    check(name, found, machine, emulated=chosen.emulate, log=log)
    return name


def check(name: str, found: dict[str, Any], machine: Target, *, emulated: bool, log: Log) -> None:
    """Raise ContainerImageError unless the image is for ``machine`` and is a build image."""
    platform = f"{found.get('Os', 'linux')}/{found.get('Architecture', '')}"
    if platform != PLATFORMS[machine.arch]:
        other = next((arch for arch, text in PLATFORMS.items() if text == platform), "")
        emulate = f", or run it under qemu: --emulate --arch {other}" if other else ""
        raise ContainerImageError(
            f"the image {name} is for {platform}, this build needs one for "
            f"{PLATFORMS[machine.arch]}",
            hint=f"name an image for {PLATFORMS[machine.arch]}{'' if emulated else emulate}",
        )
    labels = (found.get("Config") or {}).get("Labels") or {}
    if recipe.LABEL not in labels:
        raise ContainerImageError(
            f"the image {name} is no build image: it has no label {recipe.LABEL}", hint=MAKE
        )
    if labels[recipe.LABEL] != recipe.content():
        log.warning(OTHER_STATE.format(name=name))


def check_emulation(machine: Target, binfmt: Path = BINFMT) -> None:
    """EngineError unless this kernel starts programs of ``machine``, in containers, too."""
    entry = binfmt / f"qemu-{machine.machine}"
    try:
        lines = entry.read_text().splitlines()
    except OSError:
        lines = []
    flags = next((line.split()[-1] for line in lines if line.startswith("flags:")), "")
    if "enabled" in lines and "F" in flags:
        return
    state = "is not registered" if not lines else "is switched off"
    if "enabled" in lines:
        state = "is registered without the flag F, so that containers cannot use it"
    raise EngineError(
        f"--emulate: qemu for {machine.arch} {state} with this kernel ({entry})",
        hint="install qemu-user-static and binfmt-support; or leave --emulate out: "
        f"--arch {machine.arch} is cross-compiled",
    )
