"""Compile and run the C tests: `python tests/c/run.py [NAME …]` (all without a name).

A test is `test_NAME.c`; it ends with 0 and says what it did in its last line. There are two ways to
compile one, and a test may be run in both:

* sanitized: the system's clang or gcc with the address and undefined-behaviour sanitizers; where
  there is neither, Zig with the latter alone;
* product: as the core is compiled for a bootstrap, statically over the runtime pack's musl, so that
  the core's symbols really replace libc's; for arm64 it runs under qemu.

`--fuzz SECONDS NAME` runs a test's libFuzzer target instead (needs clang), `--bench NAME` the
program bench_NAME.c, which only prints times.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

HERE = Path(__file__).parent
CORE = HERE.parents[1] / "native_bootstrap" / "core"
INCLUDE = (f"-I{CORE}", f"-I{HERE}")
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-warning-option", "-std=gnu11")
DEBUGGABLE = ("-g", "-O1", "-fno-omit-frame-pointer", "-pthread")
UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
ADDRESS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TIMEOUT = 300.0


class Build(Protocol):
    """A way to compile a test."""

    name: str

    def unavailable(self, test: str) -> str:
        """Why this machine cannot, or "" if it can."""

    def compile(self, source: Path, program: Path) -> None:
        """Raise if it does not compile."""

    def check(self, program: Path) -> bool:
        """Run it: whether it did what it should."""


@dataclass(frozen=True, kw_only=True)
class Sanitized:
    """With the system's compiler."""

    flags: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    objects: bool = False  # with those of objects.py in a folder beside the program

    @property
    def name(self) -> str:
        return " ".join(("sanitized", *self.flags))

    def unavailable(self, test: str) -> str:
        for header in self.headers:
            if not compiles(compiler(), f"#include <{header}>\n", "-fsyntax-only"):
                return f"{header} is not installed"
        return ""

    def compile(self, source: Path, program: Path) -> None:
        sources = [*self.flags, str(source), "-o", str(program), *self.libraries]
        command = [*compiler(), *DEBUGGABLE, *WARNINGS, *INCLUDE, *sources]
        subprocess.run(command, check=True)
        if self.objects:
            shared_objects(HOST_ARCH, program)

    def check(self, program: Path) -> bool:
        return subprocess.run([program], timeout=TIMEOUT).returncode == 0


@dataclass(frozen=True, kw_only=True)
class Product:
    """With the product's toolchain over a runtime pack's libc.

    ``archives`` of the pack are linked in. ``cpu``: under qemu as this CPU, which must end in
    exit 1 with ``refusal`` on stderr.
    """

    arch: str
    link: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    cpu: str = ""
    refusal: str = ""
    emulation: tuple[str, ...] = ()  # more options of qemu
    parts: tuple[str, ...] = ()  # of the test; none: all

    @property
    def name(self) -> str:
        return " ".join((f"product, {self.arch}{self.cpu and ' as ' + self.cpu}", *self.emulation))

    def unavailable(self, test: str) -> str:
        if self._pack() is None:
            return f"no runtime pack for {self.arch}: build-native pack build --arch {self.arch}"
        if self._emulated() and self._qemu() is None:
            return "qemu-user is not installed"
        return ""

    def compile(self, source: Path, program: Path) -> None:
        from build_scripts import log, targets
        from build_scripts.toolchain import Toolchain

        pack = self._pack()
        assert pack is not None
        tools = Toolchain(targets.find(self.arch))
        flags = ("-O2", *WARNINGS, *INCLUDE, f"-I{pack.lib}")
        quiet = log.quiet()
        wraps = program.with_suffix(".S")
        wraps.write_text(unwrapped(self.arch))
        objects = [
            tools.compile(file, program.with_name(f"{file.name}.o"), flags=flags, log=quiet)
            for file in (source, wraps)
        ]
        archives = [pack.lib / name for name in self.archives]
        tools.link(
            program,
            libc=pack.lib,
            objects=objects,
            archives=archives,
            flags=self.link,
            log=quiet,
        )

    def check(self, program: Path) -> bool:
        emulator = (self._qemu() or "", *(("-cpu", self.cpu) if self.cpu else ()), *self.emulation)
        command = (*(emulator if self._emulated() else ()), str(program), *self.parts)
        done = subprocess.run(command, timeout=TIMEOUT, stderr=subprocess.PIPE, text=True)
        if self.refusal:
            return done.returncode == 1 and self.refusal in done.stderr
        print(done.stderr, end="", file=sys.stderr)
        return done.returncode == 0

    def _machine(self) -> str:
        from build_scripts import targets

        return targets.find(self.arch).machine

    def _emulated(self) -> bool:
        return bool(self.cpu) or self._machine() != platform.machine()

    def _qemu(self) -> str | None:
        name = f"qemu-{self._machine()}"
        return shutil.which(f"{name}-static") or shutil.which(name)

    def _pack(self):
        from build_scripts import pack

        return next((one for one in pack.list_packs() if one.arch == self.arch), None)


@dataclass(frozen=True, kw_only=True)
class Loader(Product):
    """With all of the loader, objects that it loads beside the program, and some inside.

    ``heap``: the product's, as Zig's own does not survive a fork among threads.
    """

    heap: bool = True

    def compile(self, source: Path, program: Path) -> None:
        import objects as shared

        from build_scripts import core, log, targets
        from build_scripts.toolchain import Toolchain

        pack = self._pack()
        assert pack is not None
        target = targets.find(self.arch)
        tools, quiet = Toolchain(target), log.quiet()
        folder = shared_objects(self.arch, program)
        embedded = program.with_name("embedded.S")
        embedded.write_text(shared.embedded_assembly(folder))
        wraps = program.with_suffix(".S")
        wraps.write_text(unwrapped(self.arch))
        flags = ("-O2", *WARNINGS, *INCLUDE, f"-I{pack.lib}")

        def build(file: Path) -> Path:
            its = (*flags, *core.flags(file, target))
            return tools.compile(file, program.with_name(f"{file.name}.o"), flags=its, log=quiet)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            names = (*LOADER, *(("nb_heap.c",) if self.heap else ()))
            files = (source, wraps, embedded, *(CORE / name for name in names))
            compiled = list(pool.map(build, files))
        tools.link(program, libc=pack.lib, objects=compiled, flags=self.link, log=quiet)


@dataclass(frozen=True, kw_only=True)
class WithPython(Product):
    """Over the pack's interpreter too, and all of the core but its main."""

    def compile(self, source: Path, program: Path) -> None:
        from build_scripts import link, log, symbols, targets
        from build_scripts.toolchain import Toolchain

        pack = self._pack()
        assert pack is not None
        tools = Toolchain(targets.find(self.arch))
        quiet = log.quiet()
        core = zip(sorted(CORE.glob("*.c")), link.compile_core(tools, pack, log=quiet), strict=True)
        objects = [compiled for file, compiled in core if file.name != "nb_main.c"]
        names = symbols.library_names(pack.archives[0], pack.lib, pack.lib / "libz.a").every
        names |= symbols.own_names(objects)
        table = program.with_name("symbols.c")
        table.write_text(symbols.table_source(names))
        archive = program.with_name("archive.S")
        archive.write_text(
            ".globl nb_archive_begin, nb_archive_end\nnb_archive_begin:\nnb_archive_end:\n"
        )
        flags = ("-O2", *WARNINGS, *INCLUDE, f"-I{pack.include}", f'-DNB_TEST_PACK="{pack.root}"')
        objects += [
            tools.compile(source, program.with_suffix(".o"), flags=flags, log=quiet),
            tools.compile(table, table.with_suffix(".o"), flags=symbols.TABLE_FLAGS, log=quiet),
            tools.compile(archive, archive.with_suffix(".o"), log=quiet),
        ]
        tools.link(program, libc=pack.lib, objects=objects, archives=pack.archives, log=quiet)


# The tests include nb_dl.c themselves.
LOADER = tuple(
    f"nb_{name}.c"
    for name in (
        "dl_error",
        "elf",
        "elf_names",
        "file",
        "load",
        "region",
        "relocate",
        "tls",
    )
)
PAGES = ("relocations", "protection", "tls", "threads", "embedded")  # where their size matters
HOST_ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
SANITIZED = Sanitized()
WITH_OBJECTS = Sanitized(objects=True)
AT_ENTRY = ("--entry=nb_cpu_start",)
LACKS = (
    "native-bootstrap: this bootstrap was built for {}; this CPU lacks {}; rebuild with --cpu {}\n"
)
NO_AVX2 = "movbe, avx, fma, f16c, bmi1, avx2, bmi2, lzcnt"
OLD_INTEL = LACKS.format("haswell", NO_AVX2, "x86_64_v2")
OLD_ARM = LACKS.format(
    "neoverse_n1", "atomics (LSE), fphp, asimdhp, asimdrdm, lrcpc, asimddp", "generic"
)
NEOVERSE = ("-cpu", "neoverse-n1")  # the baseline
VIRTUAL_WRAPS = ("sysconf", "sched_getaffinity", "pthread_getaffinity_np")
RANDOM = ("libssl.a", "libcrypto.a", "libsqlite3.a", "libz.a")
BUILDS: dict[str, tuple[Build, ...]] = {
    "archive": (Sanitized(libraries=("-lz",), headers=("zlib.h",)),),
    "cpu": (
        Product(arch="x86_64", link=AT_ENTRY),
        Product(arch="arm64", link=AT_ENTRY),
        Product(arch="x86_64", link=AT_ENTRY, cpu="Nehalem", refusal=OLD_INTEL),
        Product(arch="arm64", link=AT_ENTRY, cpu="cortex-a53", refusal=OLD_ARM),
    ),
    "cpuid": (SANITIZED, Product(arch="x86_64")) if HOST_ARCH == "x86_64" else (),
    "damage": (
        Loader(arch="x86_64", heap=False),
        Loader(arch="arm64", emulation=NEOVERSE, heap=False),
    ),
    "dl": (
        Loader(arch="x86_64"),
        Loader(arch="arm64", emulation=NEOVERSE),
        Loader(arch="arm64", emulation=(*NEOVERSE, "-p", "65536"), parts=PAGES),
    ),
    "elf": (WITH_OBJECTS,),
    "heap": (Product(arch=HOST_ARCH),),
    "libc": (Product(arch="x86_64"), Product(arch="arm64")),
    "mem": (
        SANITIZED,
        *((Sanitized(flags=("-mavx2",)),) if HOST_ARCH == "x86_64" else ()),
        Product(arch="x86_64"),
        Product(arch="arm64"),
    ),
    "region": (Product(arch="x86_64"), Product(arch="arm64")),
    "rekey": tuple(Product(arch=arch, archives=RANDOM) for arch in ("x86_64", "arm64")),
    "share": (SANITIZED, Product(arch="arm64")),
    "settle": tuple(WithPython(arch=arch) for arch in ("x86_64", "arm64")),
    "virtual": (
        Sanitized(flags=tuple(f"-Wl,--wrap={name}" for name in VIRTUAL_WRAPS)),
        *(Product(arch=arch, link=("--entry=test_entry",)) for arch in ("x86_64", "arm64")),
    ),
}


def shared_objects(arch: str, program: Path) -> Path:
    """Those of objects.py, made in a folder beside the program."""
    import objects

    folder = program.with_name("objects")
    objects.build(arch, folder)
    return folder


def unwrapped(arch: str) -> str:
    """Every link wraps a few names; for those that a test does not define, what is behind them."""
    from build_scripts.toolchain import WRAPPED

    jump = {"x86_64": "jmp", "arm64": "b"}[arch]
    return "".join(
        f'.section .text.{name},"ax",%progbits\n.weak __wrap_{name}, __real_{name}\n'
        f"__wrap_{name}: {jump} __real_{name}\n"
        for name in WRAPPED
    )


def compiles(command: tuple[str, ...], text: str, *flags: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        full = [*command, *flags, "-x", "c", "-", "-o", f"{folder}/probe"]
        return subprocess.run(full, input=text, text=True, capture_output=True).returncode == 0


def compiler() -> tuple[str, ...]:
    """clang or gcc with the address sanitizer if this machine has one, else Zig without."""
    for name in ("clang", "gcc"):
        command = (name, *ADDRESS)
        if shutil.which(name) and compiles(command, "int main(void) { return 0; }\n"):
            return command
    return (sys.executable, "-m", "ziglang", "cc", *UNDEFINED)


def run(test: str, build: Build) -> bool:
    """Compile and run one test in one way; its output goes straight through."""
    reason = build.unavailable(test)
    if reason:
        print(f"skip {test} ({build.name}): {reason}", flush=True)
        return True
    with tempfile.TemporaryDirectory(prefix="nb-c-") as folder:
        program = Path(folder) / f"test_{test}"
        build.compile(HERE / f"test_{test}.c", program)
        good = build.check(program)
    print(f"{'ok  ' if good else 'FAIL'} {test} ({build.name})", flush=True)
    return good


def fuzz(test: str, seconds: int) -> int:
    """libFuzzer on the test's target, from the test's own cases; findings stay where they are."""
    flags = ("-DNB_LIBFUZZER", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    libraries = ("-lz",) if test == "archive" else ()
    with tempfile.TemporaryDirectory(prefix="nb-fuzz-") as folder:
        source, seeds = str(HERE / f"test_{test}.c"), f"{folder}/seeds"
        command = ("clang", *DEBUGGABLE, *WARNINGS, "-Wno-unused-function", *INCLUDE, source)
        subprocess.run([*command, "-o", f"{folder}/test", *libraries], check=True)
        subprocess.run([*command, *flags, "-o", f"{folder}/fuzz", *libraries], check=True)
        Path(seeds).mkdir()
        with_objects = WITH_OBJECTS in BUILDS.get(test, ())
        if with_objects:
            shared_objects(HOST_ARCH, Path(folder) / "test")
        subprocess.run([f"{folder}/test", seeds], check=True)
        most = 16384 if with_objects else 4096
        options = (f"-max_total_time={seconds}", f"-max_len={most}", "-print_final_stats=1")
        return subprocess.run([f"{folder}/fuzz", *options, seeds], check=False).returncode


def bench(test: str) -> int:
    with tempfile.TemporaryDirectory(prefix="nb-bench-") as folder:
        program = Path(folder) / "bench"
        build = Product(arch=HOST_ARCH)
        build.compile(HERE / f"bench_{test}.c", program)
        return 0 if build.check(program) else 1


def names() -> list[str]:
    return sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.c"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"tests to run: {', '.join(names())}")
    parser.add_argument("--bench", action="store_true", help="run bench_NAME.c instead")
    parser.add_argument("--fuzz", type=int, metavar="SECONDS", help="run the libFuzzer targets")
    options = parser.parse_args(arguments)
    tests = options.name or names()
    if options.bench:
        return bench(*tests)
    if options.fuzz:
        return max(fuzz(test, options.fuzz) for test in tests)
    results = [run(test, build) for test in tests for build in BUILDS.get(test, (SANITIZED,))]
    return 0 if all(results) else 1


if __name__ == "__main__":
    os.chdir(HERE.parents[1])
    sys.path.insert(0, str(HERE.parents[1]))
    sys.exit(main(sys.argv[1:]))
