"""Compile and run the C tests: `python tests/c/run.py [NAME …]` (all without a name).

A test is `test_NAME.c`; it ends with 0 and says what it did in its last line. There are two ways to
compile one, and a test may be run in both:

* sanitized: the system's clang or gcc with the address and undefined-behaviour sanitizers; where
  there is neither, Zig with the latter alone;
* product: as the core is compiled for a bootstrap, statically over the runtime pack's musl, so that
  the core's symbols really replace libc's; for arm64 it runs under qemu.

`--fuzz SECONDS NAME` runs a test's libFuzzer target instead (needs clang).
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
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

    def command(self, program: Path) -> list[str]: ...


@dataclass(frozen=True, kw_only=True)
class Sanitized:
    """With the system's compiler."""

    flags: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()

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

    def command(self, program: Path) -> list[str]:
        return [str(program)]


@dataclass(frozen=True, kw_only=True)
class Product:
    """With the product's toolchain over a runtime pack's libc."""

    arch: str

    @property
    def name(self) -> str:
        return f"product, {self.arch}"

    def unavailable(self, test: str) -> str:
        if self._pack() is None:
            return f"no runtime pack for {self.arch}: build-native pack build --arch {self.arch}"
        if self._emulated() and qemu() is None:
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
        test = tools.compile(source, program.with_suffix(".o"), flags=flags, log=quiet)
        tools.link(program, libc=pack.lib, objects=[test], log=quiet)

    def command(self, program: Path) -> list[str]:
        return [qemu() or "", str(program)] if self._emulated() else [str(program)]

    def _emulated(self) -> bool:
        from build_scripts import targets

        return targets.find(self.arch).machine != platform.machine()

    def _pack(self):
        from build_scripts import pack

        return next((one for one in pack.list_packs() if one.arch == self.arch), None)


HOST_ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
SANITIZED = Sanitized()
BUILDS: dict[str, tuple[Build, ...]] = {
    "archive": (Sanitized(libraries=("-lz",), headers=("zlib.h",)),),
    # The scripts may run with any libc; these two are about replacing musl's.
    "dl": (Product(arch="x86_64"), Product(arch="arm64")),
    "heap": (Product(arch=HOST_ARCH),),
    "mem": (
        SANITIZED,
        *((Sanitized(flags=("-mavx2",)),) if HOST_ARCH == "x86_64" else ()),
        Product(arch="x86_64"),
        Product(arch="arm64"),
    ),
}


def qemu() -> str | None:
    return shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")


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
        command = build.command(program)
        good = subprocess.run(command, timeout=TIMEOUT, cwd=folder).returncode == 0
    print(f"{'ok  ' if good else 'FAIL'} {test} ({build.name})", flush=True)
    return good


def fuzz(test: str, seconds: int) -> int:
    """libFuzzer on the test's target; its findings stay in the current folder."""
    flags = ("-DNB_LIBFUZZER", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    with tempfile.TemporaryDirectory(prefix="nb-fuzz-") as folder:
        program = f"{folder}/fuzz_{test}"
        source = str(HERE / f"test_{test}.c")
        command = ["clang", *DEBUGGABLE, *WARNINGS, *INCLUDE, *flags, source, "-o", program]
        subprocess.run([*command, *(["-lz"] if test == "archive" else [])], check=True)
        options = [f"-max_total_time={seconds}", "-max_len=4096", "-print_final_stats=1"]
        return subprocess.run([program, *options], check=False).returncode


def names() -> list[str]:
    return sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.c"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"tests to run: {', '.join(names())}")
    parser.add_argument("--fuzz", type=int, metavar="SECONDS", help="run the libFuzzer targets")
    options = parser.parse_args(arguments)
    tests = options.name or names()
    if options.fuzz:
        return max(fuzz(test, options.fuzz) for test in tests)
    results = [run(test, build) for test in tests for build in BUILDS.get(test, (SANITIZED,))]
    return 0 if all(results) else 1


if __name__ == "__main__":
    os.chdir(HERE.parents[1])
    sys.path.insert(0, str(HERE.parents[1]))
    sys.exit(main(sys.argv[1:]))
