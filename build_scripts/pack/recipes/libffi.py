"""libffi from its file list; configure.ac's answers are fixed in resources/libffi."""

from __future__ import annotations

from build_scripts.pack.recipes import RESOURCES, Site

SOURCES = ("libffi",)
NEEDS: tuple[str, ...] = ()
COMMON = ("prep_cif.c", "types.c", "raw_api.c", "java_raw_api.c", "closures.c", "tramp.c")
# Folder, TARGET of ffi.h, files; x86_64 carries the Windows calling convention as upstream does.
MACHINES = {
    "x86_64": ("x86", "X86_64", ("ffi64.c", "unix64.S", "ffiw64.c", "win64.S")),
    "arm64": ("aarch64", "AARCH64", ("ffi.c", "sysv.S")),
}


def build(site: Site) -> None:
    tree = site.unpack("libffi")
    folder, machine, files = MACHINES[site.arch]
    source = tree / "src"
    header = (tree / "include" / "ffi.h.in").read_text()
    for name, value in {
        "VERSION": site.sources["libffi"].version,
        "TARGET": machine,
        "HAVE_LONG_DOUBLE": "1",
        "FFI_EXEC_TRAMPOLINE_TABLE": "0",
    }.items():
        header = header.replace(f"@{name}@", value)
    include = site.work / "include"
    include.mkdir(parents=True)
    (include / "ffi.h").write_text(header)
    (include / "ffitarget.h").write_bytes((source / folder / "ffitarget.h").read_bytes())
    site.library(
        "libffi",
        [*(source / name for name in COMMON), *(source / folder / name for name in files)],
        include=[include, RESOURCES / "libffi", tree / "include", source],
        flags=("-DHAVE_CONFIG_H", "-fexceptions", "-D_GNU_SOURCE"),
    )
    site.install_headers(include / "ffi.h", include / "ffitarget.h")
    # The core's heap is made of this copy of dlmalloc (public domain).
    (site.out / "lib" / "dlmalloc.c").write_bytes((source / "dlmalloc.c").read_bytes())
