"""The files of native_bootstrap/core, and the flags that single ones of them need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts.toolchain import zig

if TYPE_CHECKING:
    from build_scripts.targets import Target

FOLDER = Path(__file__).parents[1] / "native_bootstrap" / "core"
# It replaces a part of musl, and so needs musl's own view of a thread. It runs before there is a
# stack protector's canary.
INSIDE_MUSL = ("nb_tls.c",)


def sources() -> list[Path]:
    return sorted(FOLDER.glob("*.c"))


def flags(source: Path, target: Target) -> tuple[str, ...]:
    """The flags of one file, besides those of all."""
    return _musl_flags(target) if source.name in INSIDE_MUSL else ()


def _musl_flags(target: Target) -> tuple[str, ...]:
    """As zig compiles musl itself: its internal headers before its public ones."""
    lib = zig().parent / "lib"
    musl = lib / "libc" / "musl"
    folders = (
        *(musl / "arch" / target.machine, musl / "arch" / "generic"),
        *(musl / "src" / "include", musl / "src" / "internal"),
        *(lib / "libc" / "include" / target.triple, lib / "libc" / "include" / "generic-musl"),
        *(musl / "include", lib / "include"),
    )
    return (
        *("-nostdinc", "-D_XOPEN_SOURCE=700", "-fno-stack-protector"),
        *(f"-I{folder}" for folder in folders),
    )
