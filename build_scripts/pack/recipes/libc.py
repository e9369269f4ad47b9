"""crt, musl and compiler-rt of the target, as zig builds them."""

from __future__ import annotations

from build_scripts import toolchain
from build_scripts.pack.recipes import Site

SOURCES: tuple[str, ...] = ()
NEEDS: tuple[str, ...] = ()


def build(site: Site) -> None:
    toolchain.build_libc(site.toolchain, site.out / "lib", log=site.log, log_file=site.log_file)
