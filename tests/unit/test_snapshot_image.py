"""From dump to image. The reader here is written after nb_image.h and knows nothing of image.py: it
does what nb_restore.c does, to memory that is a dict of pages."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build_scripts.snapshot import image
from native_bootstrap.errors import ToolError

CORE = Path(__file__).parents[2] / "native_bootstrap" / "core"
PAGE = 4096
DATA, MORE, HEAP = 0x1EDD000, 0x2100000, 0x1000000000
EMPTY = bytes(PAGE)
PROGRAM = b"\x7fELF" + bytes(range(256)) * 30 + b"NB-IMAGE-SLOT-01" + bytes(40) + b"the rest" * 99

Memory = dict[int, bytes]


def page(filling: int) -> bytes:
    """A page that is told from every other; 0 is empty."""
    return bytes(PAGE) if filling == 0 else filling.to_bytes(8, "little") * (PAGE // 8)


def write_dump(path: Path, ranges: dict[int, list[int]], heap_pages: int) -> Memory:
    """A raw dump of these pages, as nb_dump.c writes it; the memory that it holds."""
    offset, rows, body = PAGE, b"", b""
    for address, fillings in ranges.items():
        rows += struct.pack("<3Q", address, len(fillings) * PAGE, offset + len(body))
        body += b"".join(map(page, fillings))
    head = struct.pack("<4Q", 0x31504D5544424E, len(ranges), HEAP, HEAP + heap_pages * PAGE)
    path.write_bytes((head + rows).ljust(PAGE, b"\0") + body)
    return {
        address + index * PAGE: page(filling)
        for address, fillings in ranges.items()
        for index, filling in enumerate(fillings)
    }


@dataclass
class Image:
    """An image as a start sees it."""

    data: bytes
    slot: tuple[bytes, bytes, int] = (b"", b"", 0)
    header: tuple[int, ...] = ()
    maps: list[tuple[int, int, int]] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)
    guards: list[tuple[bytes, bytes | None, bool]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Image:
        found = cls(path.read_bytes())
        data = found.data
        found.slot = struct.unpack_from("<16s32sQ", data, data.index(b"NB-IMAGE-SLOT-01"))
        start = found.slot[2]
        assert start % PAGE == 0
        magic, check, program, *rest = struct.unpack_from("<QQ32s5Q8I", data, start)
        found.header = (magic, *rest)
        length, tables, _, base, top, size, maps, reads, hot, guards, *places = rest
        assert (magic, size, length) == (0x314547414D49424E, PAGE, len(data))
        assert program == found.slot[1]
        assert tables % 8 == 0
        assert check == checked(data[start + 16 : start + tables])
        at = [start + place for place in places]
        found.maps = [struct.unpack_from("<3Q", data, at[0] + 24 * i) for i in range(maps)]
        found.reads = [struct.unpack_from("<2Q", data, at[1] + 16 * i) for i in range(reads)]
        for index in range(guards):
            row = struct.unpack_from("<4I", data, at[2] + 16 * index)
            found.guards.append(found._guard(start, start + tables, *row))
        assert [address >= base for address, _ in found.reads] == [i < hot for i in range(reads)]
        assert all(base <= address < top for address, _ in found.reads[:hot])
        return found

    def _guard(
        self, start: int, end: int, name: int, length: int, value: int, flags: int
    ) -> tuple[bytes, bytes | None, bool]:
        text = self.data[start + name : start + name + length]
        if flags == 0xFFFFFFFF:
            return text, None, False
        size = flags & 0x7FFFFFFF
        assert start + value + size <= end
        return text, self.data[start + value : start + value + size], flags >> 31 == 1

    def restore(self, memory: Memory) -> None:
        """Over the pristine program's memory and an empty heap."""
        for address, length, offset in self.maps:
            assert address % PAGE == length % PAGE == offset % PAGE == 0 < length
            assert offset + length <= len(self.data)
            self._put(memory, address, length, offset)
        offset = self.header[3]
        for address, length in self.reads:
            self._put(memory, address, length, offset)
            offset += length

    def _put(self, memory: Memory, address: int, length: int, offset: int) -> None:
        for at in range(0, length, PAGE):
            assert address + at in memory, "outside of what is the image's"
            memory[address + at] = self.data[offset + at : offset + at + PAGE]


def checked(data: bytes) -> int:
    """nb_image_check(), again."""
    value = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<Q", data):
        value = (value ^ word) * 0x100000001B3 % 2**64
        value = (value << 29 | value >> 35) % 2**64
    return value


def make(tmp_path: Path, ranges: dict[int, list[int]], **options: object) -> tuple[Image, Memory]:
    """The image of these pages, and the memory that was dumped."""
    program, dump, target = (tmp_path / name for name in ("program", "dump", "target"))
    program.write_bytes(PROGRAM)
    memory = write_dump(dump, ranges, len(ranges.get(HEAP, ())))
    options.setdefault("guards", ())
    size = image.write(program, image.read_dump(dump), target, **options)  # type: ignore[arg-type]
    made = Image.read(target)
    assert size == len(made.data) - made.slot[2]
    return made, memory


def started(made: Image, memory: Memory) -> Memory:
    """What a start has: something of the program's own everywhere, and then the image."""
    mine = {address: page(99) if address < HEAP else EMPTY for address in memory}
    made.restore(mine)
    return mine


def test_the_program_is_unchanged(tmp_path):
    """But for the slot, which has its fingerprint and the image's place."""
    made, _ = make(tmp_path, {DATA: [1, 0, 2], HEAP: [3]})
    slot = PROGRAM.index(b"NB-IMAGE-SLOT-01")
    assert made.data[:slot] == PROGRAM[:slot]
    assert made.data[slot + 56 : len(PROGRAM)] == PROGRAM[slot + 56 :]
    assert made.slot[1] == hashlib.sha256(PROGRAM).digest()
    assert (tmp_path / "target").stat().st_mode & 0o111


def test_memory_comes_back(tmp_path):
    made, memory = make(tmp_path, {DATA: [1, 0, 2], MORE: [0, 0], HEAP: [3, 0, 0, 4, 0]})
    assert started(made, memory) == memory


def test_large_gaps_of_the_heap_are_not_stored(tmp_path):
    heap = [1] + [0] * 40 + [2] + [0] * 31 + [3] + [0] * 100
    made, memory = make(tmp_path, {DATA: [0] * 100, HEAP: heap})
    assert started(made, memory) == memory
    assert [(address - HEAP) // PAGE for address, _, _ in made.maps if address >= HEAP] == [0, 41]
    assert [length // PAGE for _, length, _ in made.maps] == [100, 1, 33]


def test_an_empty_heap(tmp_path):
    made, memory = make(tmp_path, {DATA: [7], HEAP: [0, 0, 0]})
    assert started(made, memory) == memory
    assert len(made.maps) == 1


def test_hot_pages_are_stored_once_and_together(tmp_path):
    ranges = {DATA: [1, 2, 3], HEAP: [4, 5, 0, 6, 7, 8]}
    hot = [DATA + PAGE, HEAP, HEAP + PAGE, HEAP + 2 * PAGE, HEAP + 3 * PAGE, HEAP + 5 * PAGE]
    made, memory = make(tmp_path, ranges, hot=hot)
    assert made.reads == [
        *((HEAP, 2 * PAGE), (HEAP + 3 * PAGE, PAGE), (HEAP + 5 * PAGE, PAGE)),
        (DATA + PAGE, PAGE),
    ]
    assert started(made, memory) == memory
    for filling in range(1, 9):
        assert made.data.count(page(filling)) == 1


def test_neighbouring_ranges_stay_apart(tmp_path):
    """Two ranges that touch: a run of hot pages does not go across."""
    ranges = {DATA: [1, 2], DATA + 2 * PAGE: [3, 4], HEAP: [5]}
    made, memory = make(tmp_path, ranges, hot=[DATA + PAGE, DATA + 2 * PAGE])
    assert started(made, memory) == memory
    assert sum(length for _, length in made.reads) == 2 * PAGE


def test_a_hot_page_of_nowhere(tmp_path):
    with pytest.raises(ToolError, match="outside of the image"):
        make(tmp_path, {DATA: [1], HEAP: [2]}, hot=[HEAP + PAGE])


fillings = st.integers(min_value=0, max_value=5).map(lambda number: max(0, number - 2))
stretches = st.lists(st.tuples(fillings, st.integers(min_value=1, max_value=50)), max_size=8)
pages = stretches.map(lambda rows: [number for number, count in rows for _ in range(count)])
texts = st.text(min_size=1, max_size=9)
names = texts.filter(lambda text: "=" not in text and "\0" not in text)


@settings(deadline=None, max_examples=150)
@given(data=pages, more=pages, heap=pages, chosen=st.sets(st.integers(0, 1000)))
def test_any_memory_comes_back(tmp_path_factory, data, more, heap, chosen):
    """Whatever is empty and whatever is hot."""
    ranges = {DATA: data or [0], MORE: more or [0], HEAP: heap}
    everywhere = [a + PAGE * i for a, rows in ranges.items() for i in range(len(rows))]
    hot = {everywhere[index % len(everywhere)] for index in chosen}
    made, memory = make(tmp_path_factory.mktemp("image"), ranges, hot=hot)
    assert started(made, memory) == memory
    read = {a + at for a, length in made.reads for at in range(0, length, PAGE)}
    assert read == {a for a in hot if a < HEAP or memory[a] != EMPTY}
    stored = sum(length for _, length, _ in made.maps)
    assert stored <= PAGE * (len(data or [0]) + len(more or [0]) + len(heap))


@given(
    rows=st.lists(
        st.tuples(names, st.none() | st.text(max_size=20), st.booleans()),
        max_size=6,
    )
)
@settings(deadline=None)
def test_guards(tmp_path_factory, rows):
    guards = [image.Guard(name=n, value=v, or_absent=a and v is not None) for n, v, a in rows]
    made, _ = make(tmp_path_factory.mktemp("image"), {DATA: [1], HEAP: [2]}, guards=guards)
    expected = []
    for one in guards:
        value = None if one.value is None else one.value.encode("utf-8", "surrogateescape")
        expected.append((one.name.encode("utf-8", "surrogateescape"), value, one.or_absent))
    assert made.guards == expected


def test_a_value_that_is_no_text(tmp_path):
    """Bytes of the environment that are no UTF-8, as Python shows them."""
    guard = image.Guard(name="NAME", value=b"\xff\xfe".decode("utf-8", "surrogateescape"))
    made, _ = make(tmp_path, {DATA: [1], HEAP: [2]}, guards=[guard])
    assert made.guards == [(b"NAME", b"\xff\xfe", False)]


# ---- what is refused ----


@pytest.mark.parametrize("length", [0, 8, 31, 32, 415])
def test_a_dump_that_breaks_off(tmp_path, length):
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    (tmp_path / "dump").write_bytes((tmp_path / "dump").read_bytes()[:length])
    with pytest.raises(ToolError, match="no complete dump"):
        image.read_dump(tmp_path / "dump")


def test_a_dump_without_its_magic(tmp_path):
    """It is written last."""
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    data = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(bytes(8) + data[8:])
    with pytest.raises(ToolError, match="no complete dump"):
        image.read_dump(tmp_path / "dump")


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (8, 17, "no complete dump"),
        (32, DATA + 1, "damaged"),
        (40, 100, "damaged"),
        (40, 1 << 40, "damaged"),
        (48, PAGE + 1, "damaged"),
        (48, 1 << 40, "damaged"),
    ],
)
def test_a_dump_that_means_nothing(tmp_path, at, value, message):
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    data = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(data[:at] + struct.pack("<Q", value) + data[at + 8 :])
    with pytest.raises(ToolError, match=message):
        image.read_dump(tmp_path / "dump")


def test_a_truncated_dump(tmp_path):
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    data = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(data[:-1])
    with pytest.raises(ToolError, match="damaged"):
        image.read_dump(tmp_path / "dump")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"\x7fELF", "no slot"),
        (PROGRAM + PROGRAM, "no slot"),
        (PROGRAM.replace(b"SLOT-01\0", b"SLOT-01\1"), "has an image already"),
    ],
)
def test_programs_without_room_for_an_image(program, message):
    with pytest.raises(ToolError, match=message):
        image.fingerprint(program)


def test_more_tables_than_a_start_reads(tmp_path):
    """A start would refuse such an image, so the build does."""
    value = "x" * (4 << 20)
    with pytest.raises(ToolError, match="too many"):
        make(
            tmp_path,
            {DATA: [1], HEAP: [2]},
            guards=[image.Guard(name="NAME", value=value)],
        )
    assert not (tmp_path / "target").exists()


# ---- the C side ----

C_SIDE = """
#include <stddef.h>
#include "nb_dump.h"
#include "nb_image.h"
uint64_t check(const uint64_t *words, uint64_t count) { return nb_image_check(words, count); }
const unsigned long facts[] = {
    sizeof(struct nb_image_slot), offsetof(struct nb_image_slot, offset),
    sizeof(struct nb_image_header), offsetof(struct nb_image_header, file_length),
    offsetof(struct nb_image_header, page_size), offsetof(struct nb_image_header, guards),
    sizeof(struct nb_image_map), sizeof(struct nb_image_read), sizeof(struct nb_image_guard),
    NB_IMAGE_MAGIC, NB_IMAGE_ABSENT, NB_IMAGE_OR_ABSENT, NB_IMAGE_PAGE, NB_IMAGE_MAX_TABLES,
    sizeof(struct nb_dump_header), offsetof(struct nb_dump_header, ranges),
    sizeof(((struct nb_dump_header *)0)->ranges[0]), NB_DUMP_MAGIC, NB_DUMP_RANGES, 0};
"""


@pytest.fixture(scope="module")
def c_side(tmp_path_factory):
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    folder = tmp_path_factory.mktemp("c")
    (folder / "side.c").write_text(C_SIDE)
    command = [compiler, "-shared", "-fPIC", "-O1", f"-I{CORE}", "side.c", "-o", "side.so"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "side.so"))


@pytest.mark.subprocesses
def test_both_sides_mean_the_same_format(c_side):
    facts = list((ctypes.c_ulong * 19).in_dll(c_side, "facts"))
    header = struct.Struct("<QQ32s")
    assert facts == [
        *(image.SLOT.size, struct.calcsize("<16s32s")),
        *(image.HEADER.size, header.size, header.size + 40, image.HEADER.size - 4),
        *(image.MAP.size, image.READ.size, image.GUARD.size),
        *(image.IMAGE_MAGIC, image.ABSENT, image.OR_ABSENT, image.PAGE, image.MAX_TABLES),
        image.DUMP_HEADER.size + image.DUMP_RANGES * image.DUMP_RANGE.size,
        *(image.DUMP_HEADER.size, image.DUMP_RANGE.size, image.DUMP_MAGIC, image.DUMP_RANGES),
    ]


@pytest.mark.subprocesses
def test_both_sides_have_the_same_checksum(c_side):
    c_side.check.restype = ctypes.c_uint64

    @given(st.lists(st.integers(0, 2**64 - 1), max_size=40))
    @settings(deadline=None)
    def check(words):
        array = (ctypes.c_uint64 * max(1, len(words)))(*words)
        expected = c_side.check(array, ctypes.c_uint64(len(words)))
        assert image.check(struct.pack(f"<{len(words)}Q", *words)) == expected

    check()


def test_every_bit_counts():
    """Any flipped bit of any word gives another checksum."""
    data = bytes(range(256))
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert image.check(bytes(changed)) != image.check(data)
