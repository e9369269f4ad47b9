"""Where a shared object for x86_64 asks the processor what it is.

While a snapshot is made, libraries must see the baseline that the function is built for and not the
machine that builds it, so the loader replaces their ``cpuid`` instructions. The two bytes also
occur by chance, inside of other instructions: only a disassembly of the function tells.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError

from build_scripts import symbols

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elftools.elf.elffile import ELFFile

CPUID = b"\x0f\xa2"
EXECUTABLE = 1  # PF_X
EXECUTED_SECTION = 4  # SHF_EXECINSTR
# How far before an address a disassembly begins where no function does: it falls into step with the
# instructions within a few of them.
REACH = 4096
ALIGNMENT = 16
NEAR = 8
SETS = ("mov", "xor", "lea", "sub")
# The search table of .eh_frame_hdr as all linkers write it (LSB, "DWARF Extensions"): its pointer
# and its count take 4 bytes each, its rows are pairs of 4-byte distances from the header's address.
SORTED_TABLE = b"\x03\x3b"
FDE_HEAD = struct.Struct("<IIiI")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Code in the file: ``offset`` is where the bytes for ``address`` lie."""

    address: int
    offset: int
    code: bytes

    def holds(self, address: int) -> bool:
        return self.address <= address < self.address + len(self.code)


def find(data: bytes, name: str) -> tuple[int, ...]:
    """File offsets of the ``cpuid`` instructions in the shared object ``data``, sorted.

    In functions that unwind tables or symbols give the bounds of, and between those where it looks
    like code: assemblers other than the compiler's (nasm, in libjpeg and dav1d) write neither.
    """
    elf = symbols.open_elf(data, name)
    sections = list(_sections(elf))
    segments = sections or [
        Segment(address=s["p_vaddr"], offset=s["p_offset"], code=s.data())
        for s in elf.iter_segments("PT_LOAD")
        if s["p_flags"] & EXECUTABLE
    ]
    wanted = [
        (segment, segment.address + at) for segment in segments for at in _occurrences(segment.code)
    ]
    if not wanted:
        return ()
    functions = _Functions(elf)
    found: dict[tuple[int, int], frozenset[int]] = {}
    offsets = []
    for segment, address in wanted:
        around = list(functions.around(address))
        for bounds in around:
            if bounds not in found:
                found[bounds] = _instructions(segment, *bounds)
        if (
            any(address in found[bounds] for bounds in around)
            if around
            else sections and _looks_like_code(segment, functions.gap(segment, address), address)
        ):
            offsets.append(address - segment.address + segment.offset)
    return tuple(sorted(offsets))


def _sections(elf: ELFFile) -> Iterator[Segment]:
    """The sections with code: a segment that can be executed may hold tables as well."""
    try:
        for section in elf.iter_sections("SHT_PROGBITS"):
            if section["sh_flags"] & EXECUTED_SECTION:
                code = section.data()
                yield Segment(address=section["sh_addr"], offset=section["sh_offset"], code=code)
    except ELFError:  # damaged section headers: no loader needs them
        return


def _occurrences(code: bytes) -> Iterator[int]:
    at = code.find(CPUID)
    while at >= 0:
        yield at
        at = code.find(CPUID, at + 1)


def _instructions(segment: Segment, begin: int, end: int) -> frozenset[int]:
    """Addresses of ``cpuid`` in one function."""
    rows = _disassemble(segment, begin, end)
    return frozenset(address for address, mnemonic, _ in rows if mnemonic == "cpuid")


def _looks_like_code(segment: Segment, gap: tuple[int, int], address: int) -> bool:
    """Whether ``address`` has a ``cpuid`` that code leads up to: it is an instruction among others,
    and one of those just before it says in eax what to ask. Tables lie between functions, too."""
    begin = max(gap[0], address - REACH & -ALIGNMENT)
    rows = _disassemble(segment, begin, min(gap[1], address + 4 * ALIGNMENT))
    at = next((number for number, row in enumerate(rows) if row[0] == address), None)
    if at is None or rows[at][1] != "cpuid":
        return False
    before, after = rows[max(0, at - NEAR) : at], rows[at + 1 : at + 3]
    return (
        all(mnemonic != ".byte" for _, mnemonic, _ in (*before, *after))
        and len(after) == 2
        and any(
            mnemonic in SETS and operands.startswith(("eax,", "rax,"))
            for _, mnemonic, operands in before
        )
    )


def _disassemble(segment: Segment, begin: int, end: int) -> list[tuple[int, str, str]]:
    import capstone  # late: 30 ms, and most libraries have no candidate

    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.skipdata = True
    code = segment.code[begin - segment.address : end - segment.address]
    rows = engine.disasm_lite(code, begin)
    return [(address, mnemonic, operands) for address, _, mnemonic, operands in rows]


class _Functions:
    """Bounds of functions: from the unwind table, else from the symbols."""

    def __init__(self, elf: ELFFile) -> None:
        self._elf = elf
        self._starts, self._entries, self._at = _search_table(elf)
        self._symbols: list[tuple[int, int]] | None = None

    def around(self, address: int) -> Iterator[tuple[int, int]]:
        """Whatever may be the function that has ``address``, the likeliest first."""
        row = bisect_right(self._starts, address) - 1
        if row >= 0:
            begin = self._starts[row]
            end = begin + self._length(self._entries[row], begin)
            if address < end:
                yield begin, end
        if self._symbols is None:
            self._symbols = sorted(_sized_symbols(self._elf))
        row = bisect_right(self._symbols, (address, 1 << 64)) - 1
        if row >= 0 and address < sum(self._symbols[row]):
            begin, size = self._symbols[row]
            yield begin, begin + size

    def gap(self, segment: Segment, address: int) -> tuple[int, int]:
        """What lies between the functions of the unwind table, or of the segment, there."""
        row = bisect_right(self._starts, address)
        begin, end = segment.address, segment.address + len(segment.code)
        if row < len(self._starts):
            end = min(end, self._starts[row])
        if row > 0:
            start = self._starts[row - 1]
            begin = max(begin, start + self._length(self._entries[row - 1], start))
        return begin, end

    def _length(self, entry: int, begin: int) -> int:
        """The number of bytes that the FDE at address ``entry`` covers; 0 if it is of another form
        than every compiler's (32-bit lengths, addresses relative to their own place)."""
        raw = _read(self._at, entry, FDE_HEAD.size)
        if len(raw) < FDE_HEAD.size:
            return 0
        _, _, start, length = FDE_HEAD.unpack(raw)
        return int(length) if entry + 8 + start == begin else 0


def _search_table(elf: ELFFile) -> tuple[list[int], list[int], list[Segment]]:
    """Starts of functions, sorted, the addresses of their FDEs, and the segments these lie in."""
    loaded = [
        Segment(address=s["p_vaddr"], offset=s["p_offset"], code=s.data())
        for s in elf.iter_segments("PT_LOAD")
    ]
    for segment in elf.iter_segments("PT_GNU_EH_FRAME"):
        data, base = segment.data(), segment["p_vaddr"]
        if len(data) < 12 or data[0] != 1 or data[2:4] != SORTED_TABLE:
            continue
        count = min(int.from_bytes(data[8:12], "little"), (len(data) - 12) // 8)
        numbers = struct.unpack_from(f"<{2 * count}i", data, 12)
        return [base + n for n in numbers[::2]], [base + n for n in numbers[1::2]], loaded
    return [], [], loaded


def _read(segments: Sequence[Segment], address: int, size: int) -> bytes:
    for segment in segments:
        if segment.holds(address):
            at = address - segment.address
            return segment.code[at : at + size]
    return b""


def _sized_symbols(elf: ELFFile) -> Iterator[tuple[int, int]]:
    for name in (".dynsym", ".symtab"):
        try:
            table = elf.get_section_by_name(name)
        except ELFError:  # damaged section headers: no loader needs them
            return
        if table is None:
            continue
        for _, info, _, section, value, size in symbols.SYMBOL.iter_unpack(table.data()):
            if info & 15 == symbols.FUNCTION and section != symbols.UNDEFINED and size:
                yield value, size
