"""bin/python3.13 of the pack: the same static program model as a bootstrap, with an interpreter's
command line. Cheap on purpose, so that a change in the C core costs seconds.
"""

from __future__ import annotations

from pathlib import Path

from build_scripts import symbols
from build_scripts.pack.recipes import Site, cpython
from build_scripts.toolchain import Compilation

SOURCES = ("python",)
NEEDS = ("libc", "extensions", "cpython", "zlib", "bzip2", "xz", "libffi", "sqlite", "openssl")
CORE = Path(__file__).parents[3] / "native_bootstrap" / "core"
KEYED_BY = (CORE, Path(str(symbols.__file__)))
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
        CORE,
    )
    core = sorted(CORE.glob("*.c"))
    if not (CORE / "nb_main.c").is_file():
        main = site.work / "python.c"
        main.write_text(
            '#include "Python.h"\nint main(int n, char **v) { return Py_BytesMain(n, v); }\n'
        )
        core = [main]
    work = [Compilation(source=path, output=site.work / "o" / f"{path.stem}.o") for path in core]
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
    names = symbols.program_names(objects, archives(site)[0], lib, zlib)
    source = site.work / "symbols.c"
    source.write_text(symbols.table_source(names))
    return site.toolchain.compile(
        source,
        site.work / "o" / "symbols.o",
        flags=symbols.TABLE_FLAGS,
        log=site.log,
        log_file=site.log_file,
    )
