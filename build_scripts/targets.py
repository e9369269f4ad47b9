"""The machines a bootstrap can be built for, named as on Lambda."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from native_bootstrap.errors import UnknownArchError


@dataclass(frozen=True, kw_only=True)
class Target:
    """One kind of machine.

    ``arch`` is Lambda's name, ``machine`` what ``uname -m`` says there, ``triple`` Zig's target,
    ``cpu`` the baseline that every Lambda host of this kind has.
    """

    arch: str
    machine: str
    triple: str
    cpu: str
    elf_machine: int

    @property
    def uv_platform(self) -> str:
        """The platform that uv resolves wheels for."""
        return f"{self.machine}-unknown-linux-musl"


TARGETS = {
    target.arch: target
    for target in (
        Target(
            arch="x86_64",
            machine="x86_64",
            triple="x86_64-linux-musl",
            cpu="haswell",
            elf_machine=62,
        ),
        Target(
            arch="arm64",
            machine="aarch64",
            triple="aarch64-linux-musl",
            cpu="neoverse_n1",
            elf_machine=183,
        ),
    )
}


def find(arch: str) -> Target:
    """The target called ``arch``; UnknownArchError names the choices."""
    try:
        return TARGETS[arch]
    except KeyError:
        close = {"aarch64": "arm64", "amd64": "x86_64", "x64": "x86_64"}.get(arch.lower())
        hint = f"did you mean {close}?" if close else f"choose one of: {', '.join(TARGETS)}"
        raise UnknownArchError(f"unknown architecture {arch!r}", hint=hint) from None


def host() -> Target:
    """The target that this machine can run without emulation."""
    for target in TARGETS.values():
        if target.machine == platform.machine():
            return target
    raise UnknownArchError(
        f"builds run on {', '.join(t.machine for t in TARGETS.values())} hosts, "
        f"this one is {platform.machine()}"
    )
