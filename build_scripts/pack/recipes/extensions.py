"""CPython's wrappers of other libraries, and the final libpython with all modules built in."""

from __future__ import annotations

from dataclasses import dataclass

from build_scripts.pack.recipes import Site, cpython
from build_scripts.toolchain import Compilation

SOURCES = ("python",)
NEEDS = ("cpython", "zlib", "bzip2", "xz", "libffi", "sqlite", "openssl")


@dataclass(frozen=True, kw_only=True)
class Extension:
    """A builtin module: its files below Modules/, as Setup.stdlib.in lists them."""

    name: str
    files: tuple[str, ...]
    flags: tuple[str, ...] = ()


EXTENSIONS = (
    Extension(name="binascii", files=("binascii.c",), flags=("-DUSE_ZLIB_CRC32",)),
    # The flags of this table are what configure finds out when it looks for the libraries itself.
    Extension(name="zlib", files=("zlibmodule.c",), flags=("-DHAVE_ZLIB_COPY=1",)),
    Extension(name="_bz2", files=("_bz2module.c",)),
    Extension(name="_lzma", files=("_lzmamodule.c",)),
    Extension(
        name="_ctypes",
        files=tuple(
            f"_ctypes/{name}.c"
            for name in ("_ctypes", "callbacks", "callproc", "stgdict", "cfield")
        ),
        flags=(
            "-DHAVE_FFI_PREP_CIF_VAR=1",
            "-DHAVE_FFI_PREP_CLOSURE_LOC=1",
            "-DHAVE_FFI_CLOSURE_ALLOC=1",
        ),
    ),
    Extension(
        name="_sqlite3",
        files=tuple(
            f"_sqlite/{name}.c"
            for name in (
                *("blob", "connection", "cursor", "microprotocols", "module"),
                *("prepare_protocol", "row", "statement", "util"),
            )
        ),
        flags=("-DPY_SQLITE_HAVE_SERIALIZE=1",),
    ),
    Extension(name="_ssl", files=("_ssl.c",)),
    Extension(name="_hashlib", files=("_hashopenssl.c",)),
)


def build(site: Site) -> None:
    version = site.sources["python"].version
    tree = site.unpack("python")
    modules = tree / "Modules"
    configured = site.needs["cpython"] / "configured"
    include = [
        *(tree / "Include" / "internal", tree / "Include" / "internal" / "mimalloc"),
        *(tree / "Include", configured, modules),
        *(site.needs[name] / "include" for name in NEEDS if name != "cpython"),
    ]
    table = site.work / "config.c"
    table.write_text(_with_modules((configured / "Modules" / "config.c").read_text()))
    work = [Compilation(source=table, output=site.work / "o" / "config.o")]
    for extension in EXTENSIONS:
        for name in extension.files:
            output = site.work / "o" / f"{extension.name}-{name.replace('/', '-')}.o"
            work.append(Compilation(source=modules / name, output=output, flags=extension.flags))
    flags = (
        *(*cpython.OPTIMISATION, *cpython.FLAGS, "-fno-strict-overflow", "-std=c11", "-w"),
        *("-fvisibility=hidden", "-DPy_BUILD_CORE_BUILTIN", site.nameless),
        *(f"-I{path}" for path in include),
    )
    objects = site.toolchain.compile_all(work, flags=flags, log=site.log, log_file=site.log_file)
    name = cpython.library(version)
    site.toolchain.archive(
        site.out / "lib" / name,
        [site.needs["cpython"] / "lib" / name, *objects],
        log=site.log,
        log_file=site.log_file,
    )


def _with_modules(table: str) -> str:
    """config.c with EXTENSIONS added, at the places that makesetup uses for the same purpose."""
    declarations = "".join(f"extern PyObject* PyInit_{e.name}(void);\n" for e in EXTENSIONS)
    entries = "".join(f'    {{"{e.name}", PyInit_{e.name}}},\n' for e in EXTENSIONS)
    for marker, text in (("1", declarations), ("2", entries)):
        comment = f"/* -- ADDMODULE MARKER {marker} -- */"
        assert table.count(comment) == 1, f"config.c without {comment}"
        table = table.replace(comment, text + comment)
    return table
