"""Extension modules that cannot be imported: an error that says what and where, and no harm done.

The pack's own Python imports, for arm64 under qemu-user; it has the same loader as a bootstrap.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_inside import runnable

from build_scripts import log, pack, targets
from build_scripts.toolchain import LLD_EMULATION, Toolchain, zig

SOURCE = Path(__file__).with_name("bad_module.c")
LIBRARY = "int {name}(void) {{ return {body}; }}\n"
# Imports each, says what became of it, and imports a new good one after a few.
PROGRAM = """
import ctypes, importlib, json, sys
AFTER = 10
found = {}
for number, name in enumerate(sys.argv[1:]):
    try:
        if name.startswith("/"):
            ctypes.CDLL(name)
            found[name] = [None, "", None, None]
        else:
            found[name] = [None, importlib.import_module(name).answer, None, None]
    except Exception as error:
        where = [getattr(error, "name", None), getattr(error, "path", None)]
        found[name] = [type(error).__name__, str(error), *where]
    if number % AFTER == 0:
        assert importlib.import_module(f"good_{number // AFTER}").answer == 42
print(json.dumps(found))
"""
AFTER = 10  # failures
WRONG_MACHINE = {"x86_64": "built for arm64", "arm64": "built for x86_64"}


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Compiles and links objects into ``site``."""

    target: targets.Target
    site: Path
    scratch: Path
    found: pack.Pack

    def compile(self, name: str, source: Path, *flags: str) -> Path:
        tools = Toolchain(self.target)
        folders = (self.found.include, self.found.root / "include")
        every = ("-fPIC", "-O1", *(f"-I{folder}" for folder in folders), *flags)
        output = self.scratch / f"{name}-{self.target.arch}.o"
        return tools.compile(source, output, flags=every, log=log.quiet())

    def link(self, path: str, *inputs: str | Path) -> Path:
        output = self.site / path
        output.parent.mkdir(parents=True, exist_ok=True)
        kind = ("-shared", "-m", LLD_EMULATION[self.target.arch], f"-soname={output.name}")
        command = [zig(), "ld.lld", *kind, "-o", output, *inputs]
        subprocess.run(command, check=True, env=Toolchain(self.target).env())
        return output

    def module(self, name: str, *flags: str, link: tuple[str | Path, ...] = ()) -> Path:
        compiled = self.compile(name, SOURCE, f"-DMODULE={name}", *flags)
        return self.link(f"{name}.so", compiled, *link)

    def library(self, path: str, name: str, body: str = "42", *inputs: str | Path) -> Path:
        source = self.scratch / f"{path.replace('/', '_')}.c"
        calls = body.removesuffix("()")
        declared = f"int {calls}(void);\n" if calls != body else ""
        source.write_text(declared + LIBRARY.format(name=name, body=body))
        return self.link(path, self.compile(source.stem, source), *inputs)


def make_modules(maker: Maker, other: Maker) -> None:
    """One module for each way to fail, and for each that only looks like one."""
    maker.module("init_null", "-DINIT_NULL")
    maker.module("init_raises", "-DINIT_RAISES")
    maker.module("init_import_error", "-DINIT_IMPORT_ERROR")
    maker.module("init_both", "-DINIT_BOTH")
    maker.module("exec_raises", "-DEXEC_RAISES")
    maker.module("no_init", "-DNO_INIT")
    maker.module("no_symbol", "-DCALLS=nobody_has_this")
    other.module("other_machine")
    whole = maker.module("truncated").read_bytes()
    (maker.site / "truncated.so").write_bytes(whole[: len(whole) // 3])
    (maker.site / "empty.so").touch()
    (maker.site / "text.so").write_text("#!/bin/sh\n")
    (maker.site / "folder.so").mkdir()
    absent = maker.library("absent/libabsent.so", "absent")
    maker.module("no_library", "-DCALLS=absent", link=(absent, "-rpath=$ORIGIN/libs"))
    absent.unlink()
    versions = maker.scratch / "glibc.map"
    versions.write_text("GLIBC_2.17 { global: gnu_get_libc_version; };\n")
    script = f"--version-script={versions}"
    libc = maker.library("glibc/libc.so.6", "gnu_get_libc_version", "42", script)
    maker.module("for_glibc", "-DCALLS=gnu_get_libc_version", link=(libc,))
    # Nothing is wrong with these.
    stub = maker.library("stub/libcircle_b.so", "circle_b")
    beside = "-rpath=$ORIGIN"
    one = maker.library("libcircle_a.so", "circle_a", "circle_b()", stub, beside)
    maker.library("libcircle_b.so", "circle_b", "42", "--no-as-needed", one, beside)
    maker.module("circular", "-DCALLS=circle_a", link=(one, beside))
    for version in (1, 2):
        library = maker.library(f"v{version}/libsame.so", "same", str(version))
        at = f"-rpath=$ORIGIN/v{version}"
        maker.module(f"uses_version_{version}", "-DCALLS=same", link=(library, at))
    (maker.site / "closed").mkdir()
    read_only = maker.module("read_only")
    read_only.chmod(0o444)
    (maker.site / "closed/__init__.py").touch()
    read_only.rename(maker.site / "closed/read_only.so")
    (maker.site / "closed").chmod(0o555)


# module: type of the error, words of its message ({site}: the folder)
FAILURES = {
    "init_null": ("SystemError", "initialization of init_null failed without raising"),
    "init_raises": ("RuntimeError", "no licence"),
    "init_import_error": ("ImportError", "needs a newer numpy"),
    "init_both": ("SystemError", "initialization of init_both raised unreported exception"),
    "exec_raises": ("ValueError", "no such device"),
    "no_init": ("ImportError", "does not define module export function (PyInit_no_init)"),
    "no_symbol": ("ImportError", "{site}/no_symbol.so: symbol not found: nobody_has_this"),
    "other_machine": ("ImportError", "{site}/other_machine.so: {machine}, not for this machine"),
    "truncated": ("ImportError", "{site}/truncated.so: truncated: "),
    "empty": ("ImportError", "{site}/empty.so: empty"),
    "text": ("ImportError", "{site}/text.so: not an ELF file"),
    "no_library": ("ImportError", "{site}/no_library.so: needs libabsent.so, which is not there"),
    "for_glibc": ("ImportError", "{site}/for_glibc.so: built for glibc (it needs GLIBC_2.17)"),
    "folder": ("ModuleNotFoundError", "No module named 'folder'"),
    "{site}/v1/absent.so": ("OSError", "{site}/v1/absent.so: No such file or directory"),
    "{site}/folder.so": ("OSError", "{site}/folder.so: not a regular file"),
}
SUCCESSES = {"circular": 42, "uses_version_1": 1, "uses_version_2": 2, "closed.read_only": 42}


@pytest.fixture(scope="module", params=list(targets.TARGETS))
def outcome(request, tmp_path_factory):
    """What the pack's Python made of all of them, in one process; its arch, and the folder."""
    arch = request.param
    makers = {}
    for target in map(targets.find, targets.TARGETS):
        folder = tmp_path_factory.mktemp("modules")
        found = pack.ensure(target, log=log.quiet())
        makers[target.arch] = Maker(target=target, site=folder, scratch=folder, found=found)
    maker = makers.pop(arch)
    (other,) = makers.values()
    other = Maker(target=other.target, site=maker.site, scratch=other.scratch, found=other.found)
    make_modules(maker, other)
    names = [name.format(site=maker.site) for name in (*FAILURES, *SUCCESSES)] * 2
    for number in range(0, len(names), AFTER):
        maker.module(f"good_{number // AFTER}")
    python = runnable(maker.found.python, maker.target, tmp_path_factory.mktemp("python"))
    done = subprocess.run(
        [python, "-c", PROGRAM, *names],
        env={"PYTHONPATH": str(maker.site), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return arch, maker.site, json.loads(done.stdout)


@pytest.mark.parametrize("name", FAILURES)
def test_what_and_where(outcome, name):
    arch, site, found = outcome
    kind, words = FAILURES[name]
    was, message, module, path = found[name.format(site=site)]
    assert was == kind, message
    assert words.format(site=site, machine=WRONG_MACHINE[arch]) in message
    if kind == "ImportError" and name != "init_import_error":
        assert (module, path) == (name, f"{site}/{name}.so")


@pytest.mark.parametrize("name", SUCCESSES)
def test_only_looks_bad(outcome, name):
    _, _, found = outcome
    assert found[name] == [None, SUCCESSES[name], None, None]
