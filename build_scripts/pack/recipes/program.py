"""bin/python3.13 of the pack: the same static program model as a bootstrap, with an interpreter's
command line. Cheap on purpose, so that a change in the C core costs seconds.
"""

from __future__ import annotations

from pathlib import Path

from build_scripts import core, embed, symbols
from build_scripts.pack.recipes import Site, cpython
from build_scripts.toolchain import Compilation

SOURCES = ("python",)
NEEDS = ("libc", "extensions", "cpython", "zlib", "bzip2", "xz", "libffi", "sqlite", "openssl")
KEYED_BY = (core.FOLDER, *(Path(str(m.__file__)) for m in (core, symbols, embed)))
# For whatever is installed: numpy with its OpenBLAS takes 190 KB, scipy's OpenBLAS another 150.
TLS_BLOCK = 1 << 20
CORE_FLAGS = ("-DNB_HOST_PYTHON", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
LIBRARIES = {
    "openssl": ("libssl.a", "libcrypto.a"),
    "sqlite": ("libsqlite3.a",),
    "xz": ("liblzma.a",),
    "bzip2": ("libbz2.a",),
    "zlib": ("libz.a",),
    "libffi": ("libffi.a",),
}


def archives(site: Site) -> list[Path]:
    version = site.sources["python"].version
    found = [site.needs["extensions"] / "lib" / cpython.library(version)]
    for need, names in LIBRARIES.items():
        found += [site.needs[need] / "lib" / name for name in names]
    return found


def build(site: Site) -> None:
    short = cpython.short(site.sources["python"].version)
    libc = site.needs["libc"] / "lib"
    libraries = archives(site)
    include = (
        site.needs["cpython"] / "include" / f"python{short}",
        site.needs["libffi"] / "lib",
        site.needs["zlib"] / "include",
        core.FOLDER,
    )
    work = [
        Compilation(
            source=path,
            output=site.work / "o" / f"{path.stem}.o",
            flags=core.flags(path, site.toolchain.target),
        )
        for path in core.sources()
    ]
    flags = (*CORE_FLAGS, *(f"-I{path}" for path in include))
    objects = site.toolchain.compile_all(work, flags=flags, log=site.log, log_file=site.log_file)
    objects.append(_symbol_table(site, objects))
    site.toolchain.link(
        site.out / "bin" / f"python{short}",
        libc=libc,
        objects=objects,
        archives=libraries,
        flags=("--strip-debug",),
        log=site.log,
        log_file=site.log_file,
    )


def _symbol_table(site: Site, objects: list[Path]) -> Path:
    lib = site.needs["libc"] / "lib"
    zlib = site.needs["zlib"] / "lib" / "libz.a"
    own = symbols.own_names(objects)
    theirs = symbols.library_names(archives(site)[0], lib, zlib)
    source = site.work / "symbols.c"
    instead = symbols.substitutes(own)
    table = symbols.table_source(own | theirs.every, last=theirs.last - own, instead=instead)
    source.write_text(table + embed.tls_block(TLS_BLOCK))
    return site.toolchain.compile(
        source,
        site.work / "o" / "symbols.o",
        flags=symbols.TABLE_FLAGS,
        log=site.log,
        log_file=site.log_file,
    )
