"""Zig as a C toolchain for one target: compile, archive, link, and wrappers for other builds.

Two facts shape this module (measured with ziglang 0.17.1):

* ``zig cc`` keys its object cache by flags and content, not by folder: with a relative ``-I`` it
  can return the object of *another* tree. So every tree has a local cache of its own; only the
  global one (crt, libc, compiler-rt) is shared.
* ``zig cc`` as linker driver rebuilds libc (45 s) for each new mix of code generation flags, and
  rejects ``--defsym``, ``-Map`` and friends. So the link is one direct call of ``zig ld.lld`` over
  the crt and libc that the pack's first step (recipes/libc.py) put aside: 0.2 s for 14 MB.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, process
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from build_scripts.log import Log
    from build_scripts.targets import Target

# The one set of code generation flags. Every compile and every link through the zig driver uses
# exactly these, or libc is built again. No frame pointer: one more register for the eval loop.
CODE_FLAGS = (
    "-g0",
    "-fno-sanitize=undefined",
    "-fomit-frame-pointer",
    "-ffunction-sections",
    "-fdata-sections",
    # No exception passes through our C; the tables that only serve unwinding are 1.1 MB.
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
)
# 8 MB of stack for threads too: musl's default of 128 kB overflows in Python's recursion.
STACK_SIZE = 8 * 1024 * 1024
# -s: zig then compiles libc without debug information, and so without its own folders' names.
DRIVER_LINK_FLAGS = ("-s", "-static", "-no-pie", "-O2", f"-Wl,-z,stack-size={STACK_SIZE}")
# What __DATE__ says, so that two builds give the same bytes: the day of CPython 3.13.5.
BUILD_DATE = 1749643200
# In link order. libzigc holds zig's own replacements for parts of musl (weak symbols).
CRT_OBJECT = "crt1.o"
LIBC_ARCHIVES = ("libc.a", "libzigc.a", "libcompiler_rt.a")
# Names that the C core puts its own in front of (__wrap_NAME calls __real_NAME): nb_libc.c, and for
# snapshots nb_facts.c (the machine's processors) and nb_rekey.c (randomness that libraries keep).
WRAPPED = (
    *("setlocale", "pathconf", "fpathconf"),
    *("sysconf", "sched_getaffinity", "pthread_getaffinity_np"),
    *("RAND_bytes", "RAND_bytes_ex", "RAND_priv_bytes", "RAND_priv_bytes_ex"),
    *("SSL_CTX_new", "SSL_CTX_new_ex", "sqlite3_randomness"),
)
LLD_EMULATION = {"x86_64": "elf_x86_64", "arm64": "aarch64linux"}


def zig() -> Path:
    """The zig executable of the installed ``ziglang`` package."""
    try:
        import ziglang  # type: ignore[import-untyped]
    except ImportError:
        raise ToolError(
            "the Python package ziglang is not installed",
            hint="install native-bootstrap with its dependencies: pip install .",
        ) from None
    return Path(str(ziglang.__file__)).parent / "zig"


def zig_version() -> str:
    return importlib.metadata.version("ziglang")


def jobs() -> int:
    """How many compilers to run at once: the processors this process may use."""
    return max(1, len(os.sched_getaffinity(0)))


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """One source file to compile: ``flags`` come after the toolchain's own."""

    source: Path
    output: Path
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Toolchain:
    """Zig for ``target``.

    ``work`` is the private folder of one tree (local cache, wrappers). Without it objects go
    through one shared local cache, which is safe as long as every ``-I`` is absolute.
    """

    target: Target
    work: Path = field(default_factory=lambda: cache.root() / "zig-local")

    @property
    def target_flags(self) -> tuple[str, ...]:
        return ("-target", self.target.triple, f"-mcpu={self.target.cpu}")

    @property
    def key(self) -> str:
        """Everything about the toolchain that changes its output; part of cache keys."""
        return " ".join(("zig", zig_version(), *self.target_flags, *CODE_FLAGS, *DRIVER_LINK_FLAGS))

    def env(self, **extra: str) -> dict[str, str]:
        """A clean environment for zig and for builds that run it through the wrappers."""
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
        path = os.environ.get("PATH", os.defpath)
        return {
            **kept,
            "PATH": f"{self.work / 'bin'}{os.pathsep}{path}",
            "LC_ALL": "C",
            "SOURCE_DATE_EPOCH": str(BUILD_DATE),
            "ZIG_LOCAL_CACHE_DIR": str(self.work / "zig-cache"),
            "ZIG_GLOBAL_CACHE_DIR": str(cache.root() / "zig"),
            **extra,
        }

    def wrappers(self, flags: Sequence[str] = (), late: str = "") -> dict[str, str]:
        """Write ``nb-cc``, ``nb-c++``, ``nb-ar``, ``nb-ranlib``; return CC=… for a configure.

        And ``ld``: a configure asks the compiler for its linker, which looks for that name. Every
        call of a compiler begins with ``flags``, and with ``late`` as the shell has it then.
        """
        folder = self.work / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        compiler = f"{shlex.join((*self.target_flags, *flags))} {late}".rstrip()
        # --print-multiarch: CPython's configure asks gcc's question to learn the platform triplet.
        multiarch = f'[ "$1" = --print-multiarch ] && {{ echo {self.target.triple}; exit 0; }}\n'
        scripts = {
            "CC": ("nb-cc", f'{multiarch}exec "{zig()}" cc {compiler} "$@"'),
            "CXX": ("nb-c++", f'exec "{zig()}" c++ {compiler} "$@"'),
            "AR": ("nb-ar", f'exec "{zig()}" ar "$@"'),
            "RANLIB": ("nb-ranlib", f'exec "{zig()}" ranlib "$@"'),
            "LD": ("ld", f'exec "{zig()}" ld.lld "$@"'),
        }
        for name, body in scripts.values():
            script = folder / name
            script.write_text(f"#!/bin/sh\n{body}\n")
            script.chmod(0o755)
        return {variable: name for variable, (name, _) in scripts.items()}

    def compile(
        self,
        source: Path,
        output: Path,
        *,
        flags: Sequence[str] = (),
        log: Log,
        log_file: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Path:
        """Compile one C or assembler file; ``flags`` follow CODE_FLAGS and so override them."""
        output.parent.mkdir(parents=True, exist_ok=True)
        process.run(
            [zig(), "cc", *self.target_flags, *CODE_FLAGS, *flags, "-c", source, "-o", output],
            log=log,
            env=env or self.env(),
            log_file=log_file,
            what=f"compiling {source.name}",
        )
        return output

    def compile_all(
        self,
        work: Iterable[Compilation],
        *,
        flags: Sequence[str] = (),
        log: Log,
        log_file: Path | None = None,
        workers: int | None = None,
    ) -> list[Path]:
        """Compile many files at once; the objects come back in the order of ``work``."""

        def one(item: Compilation) -> Path:
            both = (*flags, *item.flags)
            return self.compile(item.source, item.output, flags=both, log=log, log_file=log_file)

        with ThreadPoolExecutor(workers or jobs()) as pool:
            return list(pool.map(one, work))

    def archive(
        self, output: Path, members: Sequence[Path], *, log: Log, log_file: Path | None = None
    ) -> Path:
        """Make ``output`` (.a) of objects; of an archive among ``members``, its members go in."""
        output.parent.mkdir(parents=True, exist_ok=True)
        output.unlink(missing_ok=True)
        # D: no times or owners; L: take archives apart; s: with a symbol table.
        process.run(
            [zig(), "ar", "qDLcs", output, *members],
            log=log,
            env=self.env(),
            log_file=log_file,
            what=f"making {output.name}",
        )
        return output

    def link(
        self,
        output: Path,
        *,
        libc: Path,
        objects: Sequence[Path],
        archives: Sequence[Path] = (),
        flags: Sequence[str] = (),
        log: Log,
        log_file: Path | None = None,
    ) -> Path:
        """Link a static non-PIE program with lld over the crt and libc kept in ``libc``.

        ``flags`` are lld's own (no ``-Wl,``). Archives come before libc and are searched as one
        group with it, so that their order does not matter.
        """
        output.parent.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [
            zig(),
            *("ld.lld", "--error-limit=0", "-O2", "--entry=_start", "-static", "-no-pie"),
            *("-m", LLD_EMULATION[self.target.arch], "-z", f"stack-size={STACK_SIZE}"),
            *("-z", "now", "--build-id=none", "--image-base=0x1000000"),
            *("--gc-sections", "--eh-frame-hdr", *(f"--wrap={name}" for name in WRAPPED), *flags),
            "-o",
            output,
            libc / CRT_OBJECT,
            *objects,
            "--start-group",
            *archives,
            *(libc / name for name in LIBC_ARCHIVES),
            "--end-group",
        ]
        process.run(
            command, log=log, env=self.env(), log_file=log_file, what=f"linking {output.name}"
        )
        return output
