"""Zig as a toolchain: what it links runs, is static, and keeps its promises, on both machines."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from elftools.elf.elffile import ELFFile

from build_scripts import pack, targets
from build_scripts.log import Log
from build_scripts.toolchain import STACK_SIZE, Toolchain
from native_bootstrap.errors import ToolError

PROGRAM = r"""
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

int twice(int);

static int deep(int n) { volatile char block[4096]; memset((char *)block, n, 4096);
                         return n ? deep(n - 1) + block[0] * 0 : 0; }
static void *work(void *unused) { (void)unused; deep(1500); return (void *)7L; }

int main(int argc, char **argv) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, &result)) return 1;
    printf("%d %.3f %ld %s\n", twice(21), sin(argc), (long)result, __DATE__);
    return argv[0] == NULL;
}
"""


@pytest.fixture(scope="module", params=list(targets.TARGETS))
def made(request, tmp_path_factory):
    """(target, program): two C files, one of them out of an archive."""
    target = targets.find(request.param)
    libc = pack.ensure(target, log=Log()).lib
    folder = tmp_path_factory.mktemp("link")
    toolchain = Toolchain(target, folder / "work")
    (folder / "main.c").write_text(PROGRAM)
    (folder / "twice.c").write_text("int twice(int n) { return 2 * n; }\n")
    # __DATE__ is an error for zig, because it makes builds differ; here it is fixed.
    flags = ("-O1", "-Wno-date-time")
    objects = [
        toolchain.compile(folder / f"{name}.c", folder / f"{name}.o", flags=flags, log=Log())
        for name in ("main", "twice")
    ]
    archive = toolchain.archive(folder / "libtwice.a", objects[1:], log=Log())
    program = folder / "program"
    toolchain.link(
        program,
        libc=libc,
        objects=[objects[0], *_wraps(toolchain, folder)],
        archives=[archive],
        log=Log(),
    )
    return target, program


def _wraps(toolchain, folder):
    """The link of every program wraps a few names, and the core has functions for them. Without
    the core, these call what they stand in front of, if it is there."""
    from build_scripts.toolchain import WRAPPED

    jump = {"x86_64": "jmp", "arm64": "b"}[toolchain.target.arch]
    source = folder / "wraps.S"
    source.write_text(
        "".join(
            f'.section .text.{name},"ax",%progbits\n.weak __real_{name}\n'
            f".globl __wrap_{name}\n__wrap_{name}: {jump} __real_{name}\n"
            for name in WRAPPED
        )
    )
    return [toolchain.compile(source, folder / "wraps.o", log=Log())]


def test_runs(made):
    """Math, an archive, a thread that needs 6 MB of stack, and a date that never changes."""
    target, program = made
    command = [program]
    if target != targets.host():
        qemu = shutil.which(f"qemu-{target.machine}-static") or shutil.which(
            f"qemu-{target.machine}"
        )
        if qemu is None:
            pytest.skip(f"programs for {target.arch} need qemu-user, which is not installed")
        command = [qemu, program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "42 0.841 7 Jun 11 2025\n"), done.stderr


def test_is_static(made):
    target, program = made
    with program.open("rb") as file:
        elf = ELFFile(file)
        assert elf["e_type"] == "ET_EXEC"
        assert (
            elf.header["e_machine"] == {"x86_64": "EM_X86_64", "arm64": "EM_AARCH64"}[target.arch]
        )
        segments = {segment["p_type"]: segment for segment in elf.iter_segments()}
    assert not {"PT_INTERP", "PT_DYNAMIC"} & set(segments)
    assert segments["PT_GNU_STACK"]["p_memsz"] == STACK_SIZE
    assert segments["PT_GNU_STACK"]["p_flags"] & 1 == 0, "the stack is not executable"


def test_a_failing_compile_shows_the_message(tmp_path):
    (tmp_path / "wrong.c").write_text("int main(void) { return nothing; }\n")
    toolchain = Toolchain(targets.host(), tmp_path / "work")
    log_file = tmp_path / "log"
    with pytest.raises(ToolError, match=r"compiling wrong\.c failed") as caught:
        toolchain.compile(tmp_path / "wrong.c", tmp_path / "wrong.o", log=Log(), log_file=log_file)
    assert "undeclared identifier 'nothing'" in caught.value.message
    assert caught.value.kept == log_file
    assert "undeclared identifier" in log_file.read_text()
    assert not (tmp_path / "wrong.o").exists()
