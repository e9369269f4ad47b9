"""liblzma from its file list and a fixed config.h: its configure takes longer than the code."""

from __future__ import annotations

from build_scripts.pack.recipes import RESOURCES, Site

SOURCES = ("xz",)
NEEDS: tuple[str, ...] = ()
FOLDERS = ("check", "common", "delta", "lz", "lzma", "rangecoder", "simple")
# Generators, and variants that config.h's choices replace.
LEFT_OUT = {
    "crc32_small.c",
    "crc64_small.c",
    "crc32_tablegen.c",
    "crc64_tablegen.c",
    "crc_clmul_consts_gen.c",
    "fastpos_tablegen.c",
    "price_tablegen.c",
}


def build(site: Site) -> None:
    tree = site.unpack("xz")
    base = tree / "src" / "liblzma"
    files = [
        path
        for folder in FOLDERS
        for path in sorted((base / folder).glob("*.c"))
        if path.name not in LEFT_OUT
    ]
    common = tree / "src" / "common"
    files += [common / "tuklib_physmem.c", common / "tuklib_cpucores.c"]
    include = [RESOURCES / "xz", base / "api", common, *(base / name for name in FOLDERS)]
    flags = ("-DHAVE_CONFIG_H", "-DTUKLIB_SYMBOL_PREFIX=lzma_", "-fvisibility=hidden", "-pthread")
    site.library("liblzma", files, include=[*include, base], flags=flags)
    site.install_headers(base / "api" / "lzma.h")
    headers = site.out / "include" / "lzma"
    headers.mkdir()
    for path in (base / "api" / "lzma").glob("*.h"):
        (headers / path.name).write_bytes(path.read_bytes())
