"""SQLite's amalgamation, made by its own Makefile and tclsh, then one compile."""

from __future__ import annotations

from build_scripts import targets
from build_scripts.pack.recipes import Site
from build_scripts.toolchain import CODE_FLAGS, DRIVER_LINK_FLAGS, Toolchain

SOURCES = ("sqlite",)
NEEDS = ("libc",)
# What CPython's sqlite3 module and its users count on; loadable extensions need a dlopen that
# the static program does not offer to SQLite.
FLAGS = (
    "-Os",  # 0.5 MB less in every bootstrap
    "-DSQLITE_THREADSAFE=1",
    "-DSQLITE_OMIT_LOAD_EXTENSION",
    "-DSQLITE_ENABLE_FTS3",
    "-DSQLITE_ENABLE_FTS3_PARENTHESIS",
    "-DSQLITE_ENABLE_FTS4",
    "-DSQLITE_ENABLE_FTS5",
    "-DSQLITE_ENABLE_RTREE",
    "-DSQLITE_ENABLE_MATH_FUNCTIONS",
    "-DSQLITE_ENABLE_COLUMN_METADATA",
    "-DSQLITE_ENABLE_DBSTAT_VTAB",
    "-DSQLITE_TEMP_STORE=1",
    *("-DHAVE_USLEEP=1", "-DHAVE_FDATASYNC=1", "-DHAVE_GMTIME_R=1", "-DHAVE_LOCALTIME_R=1"),
    *("-DHAVE_STDINT_H=1", "-DHAVE_INTTYPES_H=1", "-DHAVE_STRERROR_R=1", "-DHAVE_PREAD=1"),
    *("-DHAVE_PWRITE=1", "-DHAVE_MALLOC_USABLE_SIZE=1", "-DHAVE_ISNAN=1"),
)


def build(site: Site) -> None:
    tree = site.unpack("sqlite")
    # lemon and mksourceid run here, on the build machine, whatever the target is.
    native = Toolchain(targets.host(), site.work / "native")
    # With the flags of all links: any others would make zig build a libc of their own (50 s).
    compiler = " ".join((native.wrappers()["CC"], *CODE_FLAGS, *DRIVER_LINK_FLAGS, "-w"))
    site.run(
        *("make", "-f", tree / "main.mk", f"TOP={tree}", f"BCC={compiler}", "OPTS="),
        *("sqlite3.c", "sqlite3.h"),
        cwd=tree,
        env=native.env(),
        what="making SQLite's amalgamation",
    )
    site.library("libsqlite3", [tree / "sqlite3.c"], include=[tree], flags=FLAGS)
    site.install_headers(tree / "sqlite3.h", tree / "tsrc" / "sqlite3ext.h")
