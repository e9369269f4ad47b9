"""CPython's own parts: libpython, headers, the standard library, what sysconfig needs.

The modules that wrap other libraries (ssl, sqlite3, …) are left to ``extensions``: so this step,
the longest, waits for nothing and runs beside OpenSSL's.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from build_scripts import targets
from build_scripts.pack.recipes import Site
from build_scripts.toolchain import CODE_FLAGS, DRIVER_LINK_FLAGS, jobs

SOURCES = ("python",)
NEEDS = ("libc",)

# Made by `extensions`; configure must not look for their libraries.
WITH_LIBRARIES = (
    *("binascii", "zlib", "_bz2", "_lzma", "_ctypes", "_sqlite3", "_ssl", "_hashlib"),
)
# Terminals, databases and windows: nothing that a Lambda function can use.
LEFT_OUT = (
    *("_curses", "_curses_panel", "readline", "_tkinter", "_dbm", "_gdbm", "nis", "_uuid"),
    *("_scproxy", "_ctypes_test"),
)
LEFT_OUT_OF_STDLIB = ("test", "idlelib", "tkinter", "turtledemo", "turtle.py", "__pycache__")
# Measured with benchmarks/kernels.py against clang's own defaults. It inlines less than gcc: a
# threshold of 500 makes exceptions 7 %, objects 4 % faster. And it turns the loops that clear a
# frame's few locals into calls of memset: without that, calls are 4 % faster.
NO_MEMSET = ("-mllvm", "-disable-loop-idiom-memset")
OPTIMISATION = ("-O3", "-DNDEBUG", "-mllvm", "-inline-threshold=500", *NO_MEMSET)
# clang leaves sre_category() and charset() as calls in the innermost loop, gcc does not: findall
# over character classes was 1.4 times slower than on a stock CPython.
OPTIMISATION_OF = {
    "Modules/_sre/sre.o": ("-O3", "-DNDEBUG", "-mllvm", "-inline-threshold=3000", *NO_MEMSET),
}
# -ffp-contract=off: with FMA in the baseline, clang would fuse a*b+c and change results.
# NODEV: glibc's sys/param.h has it, musl's has not; os.major(-1) and os.makedev need it.
FLAGS = ("-ffp-contract=off", "-Wno-date-time", "-DNODEV=-1")
# Answers that configure finds by running programs. Given for every target, so that a native and
# a cross build are configured alike.
ANSWERS = {
    "ac_cv_file__dev_ptmx": "yes",
    "ac_cv_file__dev_ptc": "no",
    "ac_cv_buggy_getaddrinfo": "no",
    "ac_cv_posix_semaphores_enabled": "yes",
    "ac_cv_broken_sem_getvalue": "no",
    "ac_cv_working_tzset": "yes",
    "ac_cv_have_chflags": "no",
    "ac_cv_have_lchflags": "no",
    "ac_cv_broken_nice": "no",
    "ac_cv_broken_poll": "no",
    "ac_cv_aligned_required": "no",
    # And tools of the build machine that end in the Makefile, which is a part of the pack.
    "ac_cv_path_install": "/usr/bin/install -c",
    "ac_cv_path_mkdir": "/usr/bin/mkdir",
    "PYTHON_FOR_REGEN": "python3.13",
}
# Where the program pretends to be installed: the folder of Lambda's own Python.
PREFIX = "/var/lang"


def library(version: str) -> str:
    """libpython's file name: libpython3.13.a."""
    return f"libpython{short(version)}.a"


def short(version: str) -> str:
    return ".".join(version.split(".")[:2])


def build(site: Site) -> None:
    version = site.sources["python"].version
    tree = site.unpack("python")
    # Below the sources, so that VPATH is ".." and no path of this machine gets into the program.
    folder = tree / "build"
    folder.mkdir()
    env = _environment(site)
    site.run(*_configure(site), cwd=folder, env=env, what="configuring CPython")
    with (folder / "Makefile").open("a") as makefile:
        for name, flags in OPTIMISATION_OF.items():
            makefile.write(f"\n{name}: OPT = {' '.join(flags)}\n")
    libraries = (
        library(version),
        "Modules/_decimal/libmpdec/libmpdec.a",
        "Modules/expat/libexpat.a",
        "Modules/_hacl/libHacl_Hash_SHA2.a",
    )
    site.run("make", f"-j{jobs()}", *libraries, cwd=folder, env=env, what="compiling CPython")
    # The table of builtin modules is written anew by `extensions`.
    site.toolchain_ar("d", folder / libraries[0], "config.o")
    site.toolchain.archive(
        site.out / "lib" / libraries[0],
        [folder / name for name in libraries],
        log=site.log,
        log_file=site.log_file,
    )
    _keep(site, tree, folder, short(version))


def _configure(site: Site) -> list[str]:
    toolchain = site.toolchain
    native = targets.host()
    # Said for a native build too: what configure finds out by itself depends on the system's libc.
    # Never equal to --host, or configure would try to run what it builds: another --cpu on the same
    # kind of machine is a cross build as well.
    machines = [f"--build={native.machine}-pc-linux-gnu"]
    if toolchain.target != native:
        assert site.host_python is not None, "a cross build needs a Python for this machine"
        machines += [
            f"--host={toolchain.target.triple}",
            f"--with-build-python={site.host_python}",
        ]
    return [
        "../configure",
        f"--prefix={PREFIX}",
        *machines,
        *("--disable-shared", "--with-static-libpython", "--with-computed-gotos"),
        *("--without-ensurepip", "--disable-test-modules"),
        f"CFLAGS={' '.join((*CODE_FLAGS, *FLAGS))}",
        f"OPT={' '.join(OPTIMISATION)}",
        f"LDFLAGS={' '.join(DRIVER_LINK_FLAGS)}",
        "LINKFORSHARED= ",
        # va_list is a builtin type here; the triplet test looks for musl's way to declare it.
        "CPP=nb-cc -E -D__DEFINED_va_list",
    ]


def _environment(site: Site) -> dict[str, str]:
    missing = {f"py_cv_module_{name}": "n/a" for name in (*WITH_LIBRARIES, *LEFT_OUT)}
    return site.toolchain.env(
        **site.toolchain.wrappers(),
        **missing,
        **ANSWERS,
        MODULE_BUILDTYPE="static",
        PKG_CONFIG="false",
    )


def _keep(site: Site, tree: Path, folder: Path, version: str) -> None:
    include = site.out / "include" / f"python{version}"
    shutil.copytree(tree / "Include", include)
    shutil.copyfile(folder / "pyconfig.h", include / "pyconfig.h")
    shutil.copytree(
        tree / "Lib",
        site.out / "stdlib",
        ignore=lambda place, names: {
            name
            for name in names
            if name in LEFT_OUT_OF_STDLIB and (Path(place) == tree / "Lib" or name == "__pycache__")
        },
    )
    kept = site.out / "configured"
    (kept / "Modules").mkdir(parents=True)
    for name in ("Makefile", "pyconfig.h", "Modules/Setup.local", "Modules/config.c"):
        # No path of this machine may reach anything that is made of these.
        text = (folder / name).read_text().replace(str(tree), "/usr/src/python")
        text = text.replace(str(site.host_python), f"python{version}")
        (kept / name).write_text(text)
