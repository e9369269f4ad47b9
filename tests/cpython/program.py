#!/usr/bin/env python3
"""Link the pack's Python once more, with CPython's test modules built in.

A stock build has _testcapi and its like as shared libraries, and 60 of the test files need them.
The pack leaves them out, and its program cannot load them. So they are compiled with the pack's
flags and linked to the very objects and archives that make up its own bin/python3.x.

    program.py OUTPUT [--arch arm64]     # makes OUTPUT/bin, lib, include
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tree import copy_installation

sys.path.insert(0, str(Path(__file__).parents[2]))

from build_scripts import core, pack, symbols, targets
from build_scripts.log import Log
from build_scripts.pack import sources
from build_scripts.pack.recipes import cpython
from build_scripts.pack.recipes.program import CORE_FLAGS
from build_scripts.toolchain import Compilation, Toolchain

if TYPE_CHECKING:
    from build_scripts.pack.model import Pack

# Setup.stdlib.in has their files. The last six are meant to be shared; test.test_importlib.util
# imports the first of them, and some of what needs a file to load is skipped for builtin modules.
MODULES = (
    *("_testcapi", "_testinternalcapi", "_testlimitedcapi", "_testbuffer", "_testclinic"),
    *("_testclinic_limited", "_xxtestfuzz", "xxsubtype"),
    *("_testsinglephase", "_testmultiphase", "_testimportmultiple", "_testexternalinspection"),
    *("xxlimited", "xxlimited_35"),
)
FLAGS = (*cpython.OPTIMISATION, *cpython.FLAGS, "-fno-strict-overflow", "-std=c11", "-w")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--arch", default=targets.host().arch)
    options = parser.parse_args()
    log = Log()
    target = targets.find(options.arch)
    made = pack.ensure(target, log=log)
    build(made, Toolchain(target), options.output.absolute(), log)


def build(made: Pack, toolchain: Toolchain, output: Path, log: Log) -> None:
    """An installation below ``output``: the pack's library and the larger program."""
    work = output / "work"
    tree = sources.unpack(sources.load()["python"], work / "src", log=log)
    short = made.short_version
    headers = made.root / "include" / f"python{short}"
    tests = [
        Compilation(source=tree / "Modules" / file, output=work / "o" / f"{name}-{n}.o")
        for name, files in _files(tree).items()
        for n, file in enumerate(files)
    ]
    inside = (headers, headers / "internal", headers / "internal" / "mimalloc", tree / "Modules")
    objects = toolchain.compile_all(tests, flags=(*FLAGS, *_places(*inside)), log=log)
    table = work / "inittab.c"
    table.write_text(_inittab())
    files = [
        Compilation(
            source=path,
            output=work / "o" / f"{path.stem}.o",
            flags=core.flags(path, toolchain.target),
        )
        for path in (*core.sources(), table)
    ]
    outside = _places(headers, made.root / "include", made.root / "lib", core.FOLDER)
    objects += toolchain.compile_all(files, flags=(*CORE_FLAGS, *outside), log=log)
    archives = sorted(
        path
        for path in (made.root / "lib").glob("*.a")
        if path.name not in ("libc.a", "libzigc.a", "libcompiler_rt.a")
    )
    objects.append(_symbols(toolchain, objects, made.root / "lib", work, log))
    toolchain.link(
        output / "bin" / f"python{short}",
        libc=made.root / "lib",
        objects=objects,
        archives=archives,
        flags=("--strip-debug",),
        log=log,
    )
    copy_installation(made.root, output, f"python{short}")
    (settings,) = (output / "lib" / f"python{short}").glob("_sysconfigdata_*.py")
    settings.write_text(
        settings.read_text().replace("'TEST_MODULES': 'no'", "'TEST_MODULES': 'yes'")
    )


def _places(*folders: Path) -> tuple[str, ...]:
    return tuple(f"-I{folder}" for folder in folders)


def _files(tree: Path) -> dict[str, list[str]]:
    """The source files of every module of MODULES, from CPython's own table."""
    found: dict[str, list[str]] = {}
    for line in (tree / "Modules" / "Setup.stdlib.in").read_text().splitlines():
        name, *files = line.rpartition("@")[2].split() or [""]
        if line.startswith("@MODULE_") and name in MODULES:
            found[name] = files
    assert len(found) == len(MODULES), f"not in Setup.stdlib.in: {set(MODULES) - found.keys()}"
    return found


def _inittab() -> str:
    declared = "".join(f"extern PyObject *PyInit_{name}(void);\n" for name in MODULES)
    added = "".join(f'    PyImport_AppendInittab("{name}", PyInit_{name});\n' for name in MODULES)
    return (
        f'#include "Python.h"\n{declared}'
        f"__attribute__((constructor)) static void add(void)\n{{\n{added}}}\n"
    )


def _symbols(toolchain: Toolchain, objects: list[Path], lib: Path, work: Path, log: Log) -> Path:
    """What dlsym answers for, as in the pack's own program (recipes/program.py)."""
    names: set[str] = set()
    for path in (*objects, *lib.glob("libpython*.a"), lib / "libc.a", lib / "libz.a"):
        names |= symbols.defined(path)
    names |= symbols.defined(lib / "libzigc.a", hidden=True)
    names.discard("main")
    source = work / "symbols.c"
    source.write_text(symbols.table_source(names))
    output = work / "o" / "symbols.o"
    return toolchain.compile(source, output, flags=symbols.TABLE_FLAGS, log=log)


if __name__ == "__main__":
    main()
