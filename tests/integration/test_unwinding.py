"""Exceptions of C++ and panics of Rust, across objects and threads, with libraries out of wheels.

Both find the frames by dl_iterate_phdr() of nb_dl.c. For arm64 under qemu-user.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import uv
from test_inside import runnable

from build_scripts import log, pack, targets
from build_scripts.toolchain import LLD_EMULATION, Toolchain, zig

HERE = Path(__file__).parent
# greenlet brings libstdc++ and libgcc_s, tiktoken is Rust.
WHEELS = ("greenlet==3.2.4", "tiktoken==0.12.0")
COMPILE = ("-fPIC", "-O1", "-fexceptions", "-funwind-tables", "-fasynchronous-unwind-tables")
THREADS = """
import threading
def everywhere(function):
    failures = []
    def run():
        for n in range(200):
            if not function(n):
                failures.append(n)
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    run()
    assert not failures, failures
"""
CPP = """
import ctypes, sys
catches = ctypes.CDLL(sys.argv[1] + "/catches.so")
throws = ctypes.CDLL(sys.argv[1] + "/throws.so")
everywhere(lambda n: catches.catch_all(n) == 111 * n)
assert throws.unwound_so_far() == 3 * 200 * 9, throws.unwound_so_far()
"""
RUST = """
import os
os.dup2(os.open("/dev/null", os.O_WRONLY), 2)  # a panic says where it was
import tiktoken._tiktoken
encoding = tiktoken._tiktoken.CoreBPE({b"a": 0, b"b": 1}, {}, r"\\w+")
def panics(n):
    try:
        encoding.encode_ordinary("unknown")
    except BaseException as error:
        return type(error).__name__ == "PanicException" and encoding.encode_ordinary("ab") == [0, 1]
everywhere(panics)
import greenlet
everywhere(panics)
"""


@pytest.fixture(scope="module", params=list(targets.TARGETS))
def python(request, tmp_path_factory):
    """``python(program, *arguments)`` with the wheels, and the folder with them and the objects."""
    target = targets.find(request.param)
    found = pack.ensure(target, log=log.quiet())
    folder = tmp_path_factory.mktemp("unwinding")
    platform = ("--python-platform", target.triple.replace("-linux-", "-unknown-linux-"))
    options = ("--python-version", "3.13", *platform, "--only-binary", ":all:", "--no-deps")
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", *options, "--target", folder]
    subprocess.run([*command, *WHEELS], check=True)
    script = runnable(found.python, target, tmp_path_factory.mktemp("python"))

    def run(program: str, *arguments: str | Path) -> None:
        environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
        full = [script, "-c", THREADS + program, *arguments]
        done = subprocess.run(full, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run, target, folder


def test_exceptions_of_cpp(python):
    run, target, folder = python
    tools = Toolchain(target)
    libraries = sorted((folder / "greenlet.libs").iterdir())
    beside: tuple[Path, ...] = ()
    for name in ("throws", "catches"):
        compiled = folder / f"{name}.o"
        tools.compile(HERE / f"unwind_{name}.cc", compiled, flags=COMPILE, log=log.quiet())
        output = folder / f"{name}.so"
        kind = ("-shared", "-m", LLD_EMULATION[target.arch], "--eh-frame-hdr")
        command = [zig(), "ld.lld", *kind, f"-soname={output.name}", "-o", output, compiled]
        paths = ("-rpath=$ORIGIN", "-rpath=$ORIGIN/greenlet.libs")
        subprocess.run([*command, *beside, *libraries, *paths], check=True, env=tools.env())
        beside = (output,)
    run(CPP, folder)


def test_panics_of_rust(python):
    run, _, _ = python
    run(RUST)
