"""An interpreter with CPython's tests in its library, in a folder of its own.

The pack leaves Lib/test out. It goes to where the tests expect it, next to the modules (many start
`python -I` and import test.support there), so the pack's library is copied first.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Tree:
    """``python`` runs; ``library`` holds its modules and the tests."""

    python: Path
    library: Path


def prepare(python: Path, tests: Path, into: Path, *, qemu: str = "") -> Tree:
    """Copy the installation of ``python`` (bin, lib and include/python3.x) and add ``tests``."""
    python = python.absolute()
    library = into / "lib" / python.name
    program = into / "bin" / python.name
    if not program.exists():
        into.mkdir(parents=True, exist_ok=True)
        copy_installation(python.parents[1], into, python.name)
        shutil.copytree(tests, library / "test", dirs_exist_ok=True)
        program.parent.mkdir()
        _install(python, program, qemu)
    return Tree(python=program, library=library)


def copy_installation(source: Path, into: Path, name: str) -> None:
    """All that the interpreter called ``name`` needs besides its program."""
    for folder in ("lib", "include"):
        shutil.copytree(
            source / folder / name,
            into / folder / name,
            ignore=shutil.ignore_patterns("__pycache__"),
            dirs_exist_ok=True,
        )


def _install(python: Path, program: Path, qemu: str) -> None:
    if not qemu:
        shutil.copy2(python, program)
        return
    # The script passes its own name as argv[0], so Python takes it for sys.executable: children
    # start through it as well, with nothing registered in the kernel (binfmt_misc).
    real = program.with_name(f"{program.name}.real")
    shutil.copy2(python, real)
    program.write_text(f'#!/bin/sh\nexec {qemu} -0 "$0" "{real.resolve()}" "$@"\n')
    program.chmod(0o755)


def unpack_tests(archive: Path, into: Path) -> Path:
    """Lib/test of CPython's source archive."""
    if not (into / "Lib" / "test" / "__main__.py").is_file():
        into.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [
                *("tar", "-x", "--no-same-owner", "--strip-components=1", "-f", archive),
                *("-C", into, "--wildcards", "*/Lib/test"),
            ],
            check=True,
        )
    return into / "Lib" / "test"
