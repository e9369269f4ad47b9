"""Where a shared object asks for the processor, told from bytes that only look so."""

from __future__ import annotations

import subprocess

import pytest

from build_scripts import cpuid, log
from build_scripts.targets import find
from build_scripts.toolchain import Toolchain, zig

pytestmark = pytest.mark.subprocesses

# 0F A2 as an instruction, as part of a constant, and as the end of one instruction with the
# beginning of the next.
ASSEMBLY = """
    .text
    .type real,@function
    .globl real
real:
    {start}
    mov $0x00a20f00, %eax
    cpuid
    mov $0xa20f, %ecx
    cpuid
    ret
    {end}
    .size real,.-real
    .type chance,@function
    .globl chance
chance:
    {start}
    lea 0x0f000000(%rax), %ecx
    movb %al, 0x0(%rdx,%riz,4)
    .byte 0xb8, 0x0f, 0xa2, 0x0f, 0xa2
    ret
    {end}
    .size chance,.-chance
    .section .note.GNU-stack,"",%progbits
"""
MARKED = {"start": ".cfi_startproc", "end": ".cfi_endproc"}
BARE = {"start": "", "end": ""}


def build(folder, text, *flags):
    toolchain = Toolchain(find("x86_64"), folder / "work")
    source = folder / "x.S"
    source.write_text(text)
    compiled = toolchain.compile(source, folder / "x.o", log=log.quiet())
    target = folder / "x.so"
    command = [zig(), "ld.lld", "-shared", *flags, "-o", target, compiled]
    subprocess.run(command, check=True, env=toolchain.env())
    return target.read_bytes()


def real_offsets(data):
    """After `mov $0x00a20f00, %eax` (b8 00 0f a2 00) and after `mov $0xa20f, %ecx`."""
    first = data.index(b"\xb8\x00\x0f\xa2\x00") + 5
    second = data.index(b"\xb9\x0f\xa2\x00\x00") + 5
    assert data[first : first + 2] == data[second : second + 2] == cpuid.CPUID
    return (first, second)


@pytest.mark.parametrize("bounds", [MARKED, BARE], ids=["unwind-table", "symbols"])
def test_instructions_and_chance(tmp_path, bounds):
    data = build(tmp_path, ASSEMBLY.format(**bounds), "--eh-frame-hdr")
    assert data.count(cpuid.CPUID) == 6
    assert cpuid.find(data, "x.so") == real_offsets(data)


def test_symbols_when_there_is_no_search_table(tmp_path):
    data = build(tmp_path, ASSEMBLY.format(**MARKED), "--no-eh-frame-hdr")
    assert cpuid.find(data, "x.so") == real_offsets(data)


def test_code_that_nothing_gives_the_bounds_of(tmp_path):
    text = ASSEMBLY.format(**BARE).replace(".size", "#").replace(".type", "#")
    data = build(tmp_path, text, "--strip-all")
    assert cpuid.find(data, "x.so") == real_offsets(data)


TABLE = """
    .text
    .type known,@function
    .globl known
known:
    .cfi_startproc
    ret
    .cfi_endproc
    .size known,.-known
    .balign 64
    {table}
    .balign 64
    .type other,@function
    .globl other
other:
    .cfi_startproc
    ret
    .cfi_endproc
    .size other,.-other
    .section .note.GNU-stack,"",%progbits
"""


@pytest.mark.parametrize(
    "table",
    [
        ".byte 0x0f, 0xa2, 1, 2, 3, 4",
        ".long 0x06060606, 0x0a0fa20f, 0x01020304, 0xfedcba98",
        ".byte 0xb8, 0x0f, 0xa2, 0, 0",
        ".byte 0xb8, 1, 0, 0, 0, 0x06, 0x0f, 0xa2, 0x90, 0x90",  # 06 is no instruction
    ],
)
def test_a_table_between_functions(tmp_path, table):
    data = build(tmp_path, TABLE.format(table=table), "--eh-frame-hdr")
    assert cpuid.CPUID in data
    assert cpuid.find(data, "x.so") == ()


def test_code_between_functions(tmp_path):
    code = "mov $7, %eax\n xor %ecx, %ecx\n cpuid\n mov %ebx, %eax\n ret"
    data = build(tmp_path, TABLE.format(table=code), "--eh-frame-hdr")
    (found,) = cpuid.find(data, "x.so")
    assert data[found : found + 2] == cpuid.CPUID


def test_without_the_bytes_nothing_is_looked_at(tmp_path):
    data = build(tmp_path, ".globl f\nf: ret\n")
    assert cpuid.find(data, "x.so") == ()
