"""The shared objects that the loader's tests load: compiled by Zig from objects/*.c, linked by lld.

Nothing but what a row of OBJECTS says goes into one. What it needs is linked as a stub with that
name, so that objects may need each other, or what there is not.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).parent / "objects"
# Stubs that define something, with a version of it: what makes an object one for glibc.
GLIBC = {"libc.so.6": "glibc"}
# Inside of the program, in the place of its folder: see nb_file.h.
EMBEDDED = ("inside/embedded.so", "inside/libs/libthing.so", "inside/pointers.so")


@dataclass(frozen=True, kw_only=True)
class Object:
    """One shared object: ``path`` in the folder; the rest is for compiler and linker."""

    path: str
    source: str
    flags: tuple[str, ...] = ()
    arm64_flags: tuple[str, ...] | None = None  # None: the same
    link: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    run_path: str = ""
    foreign: bool = False
    name: str = field(default="")  # DT_SONAME; "": that of the file

    @property
    def soname(self) -> str:
        return self.name or Path(self.path).name


def _order(letter: str, *needs: str, link: tuple[str, ...] = ()) -> Object:
    return Object(
        path=f"order_{letter}.so",
        source="order.c",
        flags=(f"-DLETTER='{letter}'",),
        needs=needs,
        link=link,
        run_path="$ORIGIN",
    )


def _circle(mine: int, other: int) -> Object:
    return Object(
        path=f"circle_{mine}.so",
        source="circle.c",
        flags=(f"-DMINE=circle_{mine}", f"-DOTHER=circle_{other}", f"-DNUMBER={mine}"),
        needs=(f"circle_{other}.so",),
        run_path="$ORIGIN",
    )


def _thing(path: str, version: int) -> Object:
    return Object(path=path, source="thing.c", flags=(f"-DVERSION={version}",))


def _user(path: str, function: str, *needs: str, run_path: str = "", own: str = "") -> Object:
    flags = (f"-DNEEDED={function}", *((f"-DMINE={own}",) if own else ()))
    return Object(path=path, source="user.c", flags=flags, needs=needs, run_path=run_path)


def _tls(kind: str, *flags: str, scope: str = "", arm64_flags: tuple[str, ...] = ()) -> Object:
    every = (f"-DSCOPE={scope}",)
    return Object(
        path=f"tls_{kind}.so",
        source="tls.c",
        flags=(*every, *flags),
        arm64_flags=(*every, *arm64_flags),
    )


PACKED = ("--pack-dyn-relocs=relr",)
OBJECTS = (
    _order("a", "order_b.so", "order_c.so", link=("-init=first", "-fini=last")),
    _order("b", "order_c.so"),
    _order("c"),
    _circle(1, 2),
    _circle(2, 1),
    _thing("v1/libthing.so", 1),
    _thing("v2/libthing.so", 2),
    _user("user_1.so", "thing_version", "libthing.so", run_path="/nowhere:$ORIGIN/v1"),
    _user("user_2.so", "thing_version", "libthing.so", run_path="${ORIGIN}/x/../v2"),
    _user("user_any.so", "thing_version"),
    _user("top.so", "middle", "mid.so", run_path="$ORIGIN/chain"),
    _user("chain/mid.so", "thing_version", "low.so", own="middle"),
    _thing("chain/low.so", 4),
    Object(path="next.so", source="next.c", flags=("-fno-builtin",)),
    Object(path="weak.so", source="weak.c", flags=("-fno-builtin",)),
    Object(
        path="versioned.so",
        source="versioned.c",
        link=(f"--version-script={SOURCES / 'versioned.map'}",),
    ),
    _user("old_user.so", "only_old", "versioned.so", run_path="$ORIGIN"),
    _tls("general", "-mtls-dialect=gnu", arm64_flags=()),
    _tls("local", "-ftls-model=local-dynamic", scope="static", arm64_flags=()),
    _tls("initial", "-ftls-model=initial-exec", arm64_flags=("-ftls-model=initial-exec",)),
    _tls("descriptor", "-mtls-dialect=gnu2"),
    Object(path="tls_user.so", source="tls_user.c", needs=("tls_general.so",), run_path="$ORIGIN"),
    Object(path="pointers.so", source="pointers.c"),
    Object(path="packed.so", source="pointers.c", link=PACKED),
    Object(path="old_hash.so", source="pointers.c", link=("--hash-style=sysv",)),
    Object(path="aligned.so", source="pointers.c", link=("-z", "max-page-size=0x200000")),
    Object(path="pages_4k.so", source="pointers.c", link=("-z", "max-page-size=4096")),
    Object(path="ifunc.so", source="ifunc.c"),
    Object(path="irelative.so", source="ifunc.c", flags=("-DUSED",), link=("-Bsymbolic",)),
    _user("ifunc_user.so", "chosen", "ifunc.so", run_path="$ORIGIN"),
    Object(path="text.so", source="text.c", link=("-z", "notext")),
    Object(path="tls_big.so", source="big.c", flags=("-DSIZE=1000000", "-DALIGN=8")),
    Object(path="tls_aligned.so", source="big.c", flags=("-DSIZE=8", "-DALIGN=128")),
    _user("no_symbol.so", "nobody_has_this"),
    _user("no_library.so", "thing_version", "libabsent.so", run_path="$ORIGIN/libs"),
    Object(
        path="half.so",
        source="tls.c",
        flags=("-DSCOPE=",),
        needs=("order_c.so", "pointers.so", "no_library.so"),
        run_path="$ORIGIN",
    ),
    _user("glibc.so", "strlen", "libc.so.6"),
    _user(
        *("system.so", "common", "libc.so", "libz.so.1", "libc.musl-x86_64.so.1"),
        *("libm.so.6", "libpthread.so.0"),
    ),
    Object(path="foreign.so", source="thing.c", flags=("-DVERSION=9",), foreign=True),
    Object(path="libstarter.so", source="starter.c"),
    Object(
        path="frames.so",
        source="frames.c",
        flags=("-fasynchronous-unwind-tables", "-funwind-tables"),
        link=("--eh-frame-hdr",),
    ),
    _user("inside/embedded.so", "thing_version", "libthing.so", run_path="$ORIGIN/../inside/libs"),
    _thing("inside/libs/libthing.so", 5),
    Object(path="inside/pointers.so", source="pointers.c"),
)


def build(arch: str, folder: Path) -> None:
    """All of OBJECTS for ``arch`` in ``folder``."""
    from build_scripts import log, process, targets
    from build_scripts.toolchain import LLD_EMULATION, Toolchain, zig

    other = next(one.arch for one in map(targets.find, ("x86_64", "arm64")) if one.arch != arch)
    work = folder.with_name(f"{folder.name}-work")
    work.mkdir(parents=True)
    quiet = log.quiet()
    tools = {name: Toolchain(targets.find(name)) for name in (arch, other)}

    def link(arch: str, output: Path, *arguments: str | Path) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        command = [zig(), "ld.lld", "-shared", "-m", LLD_EMULATION[arch], "-z", "now"]
        command += ["--build-id=none", "--no-as-needed", "--hash-style=gnu", "-o", output]
        process.run([*command, *arguments], log=quiet, env=tools[arch].env(), what="linking")

    def make(row: Object) -> None:
        its = other if row.foreign else arch
        flags = row.arm64_flags if its == "arm64" and row.arm64_flags is not None else row.flags
        compiled = work / f"{row.path.replace('/', '-')}.o"
        every = ("-O1", "-fPIC", "-Wall", "-Wno-missing-prototypes", *flags)
        tools[its].compile(SOURCES / row.source, compiled, flags=every, log=quiet)
        run_path = (f"--rpath={row.run_path}",) if row.run_path else ()
        stubs = [work / name for name in row.needs]
        link(
            its, folder / row.path, f"--soname={row.soname}", *run_path, *row.link, compiled, *stubs
        )

    def stub(name: str) -> None:
        source = SOURCES / f"{GLIBC.get(name, 'empty')}.c"
        versions = (f"--version-script={source.with_suffix('.map')}",) if name in GLIBC else ()
        compiled = tools[arch].compile(source, work / f"stub-{name}.o", log=quiet)
        link(arch, work / name, f"--soname={name}", *versions, compiled)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        needed = {name for row in OBJECTS for name in row.needs}
        list(pool.map(stub, needed))
        list(pool.map(make, OBJECTS))


def embedded_assembly(folder: Path) -> str:
    """The objects of EMBEDDED, and the table of them, as the link step puts them into a program."""
    lines = ['.section .rodata.nb_objects,"a",%progbits', ".globl nb_embedded, nb_embedded_count"]
    table = [".balign 8", "nb_embedded:"]
    for number, name in enumerate(sorted(EMBEDDED)):
        lines += [".balign 4096", f'begin_{number}: .incbin "{folder / name}"', f"end_{number}:"]
        lines += [f'name_{number}: .asciz "{name}"']
        table += [f".quad name_{number}, begin_{number}, end_{number} - begin_{number}, 0, 0"]
    count = f"nb_embedded_count: .quad {len(EMBEDDED)}"
    return "\n".join([*lines, *table, count, '.section .note.GNU-stack,"",%progbits', ""])
