"""bzip2 from its own file list (its Makefile has no configuration at all)."""

from __future__ import annotations

from build_scripts.pack.recipes import Site

SOURCES = ("bzip2",)
NEEDS: tuple[str, ...] = ()
FILES = ("blocksort", "huffman", "crctable", "randtable", "compress", "decompress", "bzlib")


def build(site: Site) -> None:
    tree = site.unpack("bzip2")
    files = [tree / f"{name}.c" for name in FILES]
    site.library("libbz2", files, include=[tree], flags=("-O3", "-D_FILE_OFFSET_BITS=64"))
    site.install_headers(tree / "bzlib.h")
