"""Compile and run the C tests: `python tests/c/run.py [NAME …]` (all without a name).

A test is `test_NAME.c`; it ends with 0 and says what it did in its last line. Sanitizers come from
the system's clang or gcc; where there is neither, Zig compiles with what it has (no address
sanitizer). Extra cases of a test (another instruction set, arm64 under qemu) are in VARIANTS.
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

HERE = Path(__file__).parent
CORE = HERE.parents[1] / "native_bootstrap" / "core"
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-warning-option")
COMMON = ("-std=gnu11", "-g", "-O1", "-fno-omit-frame-pointer", "-pthread", *WARNINGS)
SANITIZE = "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
UNDEFINED = "-fsanitize=undefined", "-fno-sanitize-recover=all"
TIMEOUT = 300.0


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to compile a test; `reason` is set when this machine cannot."""

    name: str
    command: tuple[str, ...]
    runner: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    reason: str = ""


def zig() -> tuple[str, ...]:
    return sys.executable, "-m", "ziglang", "cc"


def sanitizing_compiler() -> tuple[str, ...]:
    """clang or gcc with the address sanitizer if this machine has one, else Zig without."""
    probe = "int main(void) { return 0; }\n"
    for name in ("clang", "gcc"):
        if shutil.which(name) is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            command = [name, *SANITIZE, "-x", "c", "-", "-o", f"{folder}/probe"]
            done = subprocess.run(command, input=probe, text=True, capture_output=True, check=False)
            if done.returncode == 0:
                return name, *COMMON, *SANITIZE
    return *zig(), *COMMON, *UNDEFINED


def static_musl(arch: str, cpu: str) -> tuple[str, ...]:
    """The product's own compiler and C library: the core's symbols really replace libc's."""
    target = f"{arch}-linux-musl"
    return *zig(), "-target", target, f"-mcpu={cpu}", "-static", *COMMON, "-fno-sanitize=undefined"


def variants(test: str, dlmalloc: Path | None) -> list[Variant]:
    native = sanitizing_compiler()
    host = platform.machine()
    cpu = {"x86_64": "haswell", "aarch64": "neoverse_n1"}[host]
    qemu = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if test == "mem":
        found = [Variant(name="sanitized", command=native)]
        if host == "x86_64":
            found.append(Variant(name="sanitized, AVX2", command=(*native, "-mavx2")))
            arm = static_musl("aarch64", "neoverse_n1")
            reason = "" if qemu else "qemu-user is not installed"
            runner = (qemu,) if qemu else ()
            found.append(Variant(name="arm64", command=arm, runner=runner, reason=reason))
        return found
    if test in ("heap", "dl"):  # they replace libc's functions, as in the product
        command = static_musl(host, cpu)
        if test == "dl":
            return [Variant(name="static musl", command=command)]
        if dlmalloc is None:
            reason = "no dlmalloc.c: build a runtime pack, or give --dlmalloc FOLDER"
            return [Variant(name="static musl", command=command, reason=reason)]
        return [Variant(name="static musl", command=(*command, f"-I{dlmalloc}"))]
    if test == "archive":
        has_zlib = subprocess.run(
            [native[0], *native[1:], "-x", "c", "-", "-fsyntax-only"],
            input="#include <zlib.h>\n",
            text=True,
            capture_output=True,
            check=False,
        )
        reason = "" if has_zlib.returncode == 0 else "zlib's headers are not installed"
        return [Variant(name="sanitized", command=native, libraries=("-lz",), reason=reason)]
    return [Variant(name="sanitized", command=native)]


def run(test: str, variant: Variant) -> bool:
    """Compile and run one variant; its output goes straight through."""
    if variant.reason:
        print(f"skip {test} ({variant.name}): {variant.reason}", flush=True)
        return True
    with tempfile.TemporaryDirectory(prefix="nb-c-") as folder:
        program = f"{folder}/test_{test}"
        source = str(HERE / f"test_{test}.c")
        include = f"-I{CORE}", f"-I{HERE}"
        command = [*variant.command, *include, source, "-o", program, *variant.libraries]
        if subprocess.run(command, check=False).returncode != 0:
            print(f"FAIL {test} ({variant.name}): does not compile", flush=True)
            return False
        # Each file of the core has its own globals: nothing of this is a leak worth a report.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1"}
        done = subprocess.run(
            [*variant.runner, program], env=environment, timeout=TIMEOUT, check=False
        )
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {test} ({variant.name})", flush=True)
    return done.returncode == 0


def names() -> list[str]:
    return sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.c"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*names(), []], help="tests to run")
    parser.add_argument("--dlmalloc", type=Path, help="folder that holds dlmalloc.c")
    options = parser.parse_args(arguments)
    good = True
    for test in options.name or names():
        for variant in variants(test, options.dlmalloc):
            good &= run(test, variant)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
