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

from build_scripts.snapshot import dump, image, patterns
from native_bootstrap.errors import ToolError

CORE = Path(__file__).parents[2] / "native_bootstrap" / "core"
PAGE = 4096
DATA, MORE, REGION, HEAP = 0x1EDD000, 0x2100000, 0x800000000, 0x1000000000
R, RW, RX = 1, 3, 5
EMPTY = bytes(PAGE)
PROGRAM = b"\x7fELF" + bytes(range(256)) * 30 + b"NB-IMAGE-SLOT-01" + bytes(40) + b"the rest" * 2999

EMPTY_MAP = 2**64 - 1
Memory = dict[int, bytes]


def page(filling: int) -> bytes:
    """A page that is told from every other; 0 is empty."""
    return bytes(PAGE) if filling == 0 else filling.to_bytes(8, "little") * (PAGE // 8)


@dataclass
class Mapping:
    """Pages of a module; ``file``: the page of the program's own file that they are. Without any
    ``protection`` they are nothing."""

    fillings: list[int]
    protection: int = RW
    file: int | None = None


def write_dump(path: Path, ranges: dict[int, list[int] | Mapping], heap_pages: int) -> Memory:
    """A raw dump of these pages, as nb_dump.c writes it; the memory that it holds."""
    offset, rows, body, memory = PAGE, b"", b"", {}
    for address, pages in sorted(ranges.items()):
        mapping = pages if isinstance(pages, Mapping) else Mapping(pages)
        length, at = len(mapping.fillings) * PAGE, offset + len(body)
        content = b"".join(map(page, mapping.fillings))
        kind = 0
        if mapping.protection == 0:
            kind, at = 2, 0
        elif mapping.file is None:
            body += content
        else:
            kind, at = 1, mapping.file * PAGE
            content = PROGRAM[at:].ljust(length, b"\0")[:length]
        rows += struct.pack("<3Q2I", address, length, at, mapping.protection, kind)
        memory |= {address + i: content[i : i + PAGE] for i in range(0, length, PAGE)}
    head = struct.pack("<4Q", 0x32504D5544424E, len(ranges), HEAP, HEAP + heap_pages * PAGE)
    path.write_bytes((head + rows).ljust(PAGE, b"\0") + body)
    return memory


@dataclass
class Image:
    """An image as a start sees it."""

    data: bytes
    slot: tuple[bytes, bytes, int] = (b"", b"", 0)
    header: tuple[int, ...] = ()
    maps: list[tuple[int, int, int, int]] = field(default_factory=list)
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
        length, tables, _, base, top, size, maps, reads, early, guards, *places = rest
        assert (magic, size, length) == (0x324547414D49424E, PAGE, len(data))
        assert base == HEAP
        assert program == found.slot[1]
        assert tables % 8 == 0
        assert check == checked(data[start + 16 : start + tables])
        at = [start + place for place in places]
        found.maps = [struct.unpack_from("<4Q", data, at[0] + 32 * i) for i in range(maps)]
        found.reads = [struct.unpack_from("<2Q", data, at[1] + 16 * i) for i in range(reads)]
        for index in range(guards):
            row = struct.unpack_from("<4I", data, at[2] + 16 * index)
            found.guards.append(found._guard(start, start + tables, *row))
        assert [a >= REGION for a, _ in found.reads] == [i < early for i in range(reads)]
        assert all(base <= a < top or REGION <= a < HEAP for a, _ in found.reads[:early])
        found._check_maps()
        return found

    def _check_maps(self) -> None:
        """The rules of nb_restore.c."""
        end = 0
        for address, length, offset, protection in self.maps:
            assert address >= end
            end = address + length
            in_region = REGION <= address < HEAP
            assert protection == RW or (in_region and protection in (0, R, RX))
            assert end <= HEAP or not in_region
            if offset == EMPTY_MAP:
                assert in_region
                continue
            assert protection != 0
            if offset < self.slot[2]:
                assert offset + length <= self.slot[2]
                assert protection != RW

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
        for address, length, offset, _ in self.maps:
            assert address % PAGE == length % PAGE == 0 < length
            if offset == EMPTY_MAP:
                for at in range(0, length, PAGE):
                    assert address + at in memory
                    memory[address + at] = EMPTY
                continue
            assert offset % PAGE == 0
            assert offset + length <= len(self.data)
            self._put(memory, address, length, offset)
        offset = self.header[3]
        for address, length in self.reads:
            writable = [
                a <= address < address + length <= a + n for a, n, _, p in self.maps if p & 2
            ]
            assert any(writable) or address < REGION or address >= HEAP
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


def make(
    tmp_path: Path, ranges: dict[int, list[int] | Mapping], **options: object
) -> tuple[Image, Memory]:
    """The image of these pages, and the memory that was dumped."""
    program, raw, target = (tmp_path / name for name in ("program", "dump", "target"))
    program.write_bytes(PROGRAM)
    memory = write_dump(raw, ranges, len(ranges.get(HEAP, ())))
    options.setdefault("guards", ())
    size = image.write(program, dump.read(raw), target, **options)  # type: ignore[arg-type]
    made = Image.read(target)
    assert size == len(made.data) - made.slot[2]
    return made, memory


def started(made: Image, memory: Memory) -> Memory:
    """What a start has: something of the program's own everywhere, and then the image."""
    mine = {address: EMPTY if address >= HEAP else page(99) for address in memory}
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
    assert [(address - HEAP) // PAGE for address, *_ in made.maps if address >= HEAP] == [0, 41]
    assert [length // PAGE for _, length, *_ in made.maps] == [100, 1, 33]


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


# ---- modules ----


def test_a_module_comes_back(tmp_path):
    """Code and constants are the program's own; relocated constants, data and bss are stored."""
    ranges = {
        DATA: [7],
        REGION: Mapping([0, 0], R, file=2),
        REGION + 2 * PAGE: Mapping([0], RX, file=4),
        REGION + 3 * PAGE: Mapping([2], R),
        REGION + 4 * PAGE: Mapping([3, 0, 4]),
        REGION + 100 * PAGE: Mapping([0, 0, 5, 0], R),
        HEAP: [6],
    }
    made, memory = make(tmp_path, ranges)
    assert started(made, memory) == memory
    rows = [(a - REGION, n, at, p) for a, n, at, p in made.maps if REGION <= a < HEAP]
    assert rows[:2] == [(0, 2 * PAGE, 2 * PAGE, R), (2 * PAGE, PAGE, 4 * PAGE, RX)]
    assert [(a // PAGE, n // PAGE, p) for a, n, _, p in rows[2:]] == [
        *((3, 1, R), (4, 3, RW), (100, 4, R))
    ]
    for filling in (2, 3, 4, 5):
        assert made.data.count(page(filling)) == 1


def test_empty_memory_is_not_stored(tmp_path):
    """A bss or a library's buffer; small gaps are not worth a mapping."""
    buffer = [0] * 40 + [1] + [0] * 31 + [2] + [0] * 5000
    ranges = {REGION: Mapping(buffer), REGION + 6000 * PAGE: Mapping([0] * 3, R), HEAP: [3]}
    made, memory = make(tmp_path, ranges)
    assert started(made, memory) == memory
    rows = [((a - REGION) // PAGE, n // PAGE, at == EMPTY_MAP) for a, n, at, _ in made.maps[:-1]]
    assert rows == [(0, 40, True), (40, 33, False), (73, 5000, True), (6000, 3, True)]
    assert len(made.data) < made.slot[2] + 40 * PAGE


def test_address_space_that_a_library_keeps(tmp_path):
    """Not accessible, and still there."""
    rows = {REGION: Mapping([0] * 9, 0), REGION + 9 * PAGE: Mapping([1]), HEAP: [2]}
    made, _ = make(tmp_path, rows)
    assert made.maps[0] == (REGION, 9 * PAGE, EMPTY_MAP, 0)
    assert made.maps[1][3] == RW


def test_neighbours_are_one_mapping(tmp_path):
    """Of the file where it goes on there, of what is stored, and of nothing."""
    ranges = {
        REGION: Mapping([0], R, file=2),
        REGION + PAGE: Mapping([0], R, file=3),
        REGION + 2 * PAGE: Mapping([0], R, file=5),
        REGION + 3 * PAGE: Mapping([1], R),
        REGION + 4 * PAGE: Mapping([2], R),
        REGION + 5 * PAGE: Mapping([3]),
        REGION + 6 * PAGE: Mapping([0]),
        REGION + 7 * PAGE: Mapping([0] * 50),
        HEAP: [3],
    }
    made, memory = make(tmp_path, ranges)
    assert started(made, memory) == memory
    rows = [((a - REGION) // PAGE, n // PAGE) for a, n, *_ in made.maps[:-1]]
    assert rows == [(0, 2), (2, 1), (3, 2), (5, 1), (6, 51)]


def test_hot_pages_of_modules_are_read_early(tmp_path):
    ranges = {DATA: [1, 2], REGION: Mapping([3, 4, 0]), REGION + 5 * PAGE: Mapping([5]), HEAP: [6]}
    hot = [DATA, REGION + PAGE, REGION + 2 * PAGE, REGION + 5 * PAGE, HEAP]
    made, memory = make(tmp_path, ranges, hot=hot)
    assert made.reads == [
        *((REGION + PAGE, PAGE), (REGION + 5 * PAGE, PAGE), (HEAP, PAGE), (DATA, PAGE))
    ]
    assert started(made, memory) == memory


@pytest.mark.parametrize("mapping", [Mapping([1], R), Mapping([1], RX), Mapping([0], R, file=2)])
def test_a_hot_page_that_cannot_be_written(tmp_path, mapping):
    with pytest.raises(ToolError, match="not writable"):
        make(tmp_path, {DATA: [1], REGION: mapping, HEAP: [2]}, hot=[REGION])


@pytest.mark.parametrize("mapping", [Mapping([0], RW, file=2), Mapping([0], R, file=100)])
def test_what_is_not_the_programs_file(tmp_path, mapping):
    with pytest.raises(ToolError, match="not the program's file"):
        make(tmp_path, {DATA: [1], REGION: mapping, HEAP: [2]})


def test_a_hot_page_of_nowhere(tmp_path):
    with pytest.raises(ToolError, match="outside of the image"):
        make(tmp_path, {DATA: [1], HEAP: [2]}, hot=[HEAP + PAGE])


fillings = st.integers(min_value=0, max_value=5).map(lambda number: max(0, number - 2))
stretches = st.lists(st.tuples(fillings, st.integers(min_value=1, max_value=50)), max_size=8)
pages = stretches.map(lambda rows: [number for number, count in rows for _ in range(count)])
texts = st.text(min_size=1, max_size=9)
names = texts.filter(lambda text: "=" not in text and "\0" not in text)


mappings = st.tuples(
    st.integers(min_value=0, max_value=3),  # pages between it and the one before
    st.one_of(
        st.builds(Mapping, pages.filter(bool), st.sampled_from([R, RW, RX])),
        st.builds(lambda length: Mapping([0] * length, 0), st.integers(1, 99)),
        st.builds(
            lambda at, length, protection: Mapping([0] * length, protection, file=at),
            *(st.integers(2, 5), st.integers(1, 2), st.sampled_from([R, RX])),
        ),
    ),
)


def in_region(rows: list[tuple[int, Mapping]]) -> dict[int, Mapping]:
    found, at = {}, REGION
    for gap, mapping in rows:
        at += gap * PAGE
        found[at] = mapping
        at += len(mapping.fillings) * PAGE
    return found


@settings(deadline=None, max_examples=200)
@given(
    data=pages,
    more=pages,
    modules=st.lists(mappings, max_size=8).map(in_region),
    heap=pages,
    chosen=st.sets(st.integers(0, 1000)),
)
def test_any_memory_comes_back(tmp_path_factory, data, more, modules, heap, chosen):
    """Whatever is empty, whatever is hot, whatever is the program's own."""
    ranges = {DATA: data or [0], MORE: more or [0], **modules, HEAP: heap}
    writable = {
        a: rows.fillings if isinstance(rows, Mapping) else rows
        for a, rows in ranges.items()
        if not isinstance(rows, Mapping) or rows.protection == RW
    }
    everywhere = [a + PAGE * i for a, rows in writable.items() for i in range(len(rows))]
    hot = {everywhere[index % len(everywhere)] for index in chosen}
    made, memory = make(tmp_path_factory.mktemp("image"), ranges, hot=hot)
    assert started(made, memory) == memory
    read = {a + at for a, length in made.reads for at in range(0, length, PAGE)}
    assert read == {a for a in hot if a < REGION or memory[a] != EMPTY}
    own = {a for a, m in modules.items() if m.file is not None or m.protection == 0}
    image_maps = [row for row in made.maps if row[2] != EMPTY_MAP and row[2] >= made.slot[2]]
    stored = sum(length for _, length, *_ in image_maps)
    most = sum(len(m) if isinstance(m, list) else len(m.fillings) for m in ranges.values())
    assert stored <= PAGE * (most - len(own))
    assert not any(a <= at < a + n for at in own for a, n, *_ in image_maps)


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


def test_a_guard_of_all_that_begin_alike():
    guard = image.Guard(name="TQDM_*", value=None, pattern=patterns.parse("TQDM_*"))
    assert image.GUARD.unpack(image._guards([guard], 0)[0])[3] == 0xFFFFFFFE
    assert image.Guard(name="TQDM_", value=None).kind == 0xFFFFFFFF


@pytest.mark.parametrize(
    ("text", "stored", "kind"),
    [
        ("TQDM_*", "TQDM_", 0xFFFFFFFE),
        ("~db__*", "db__", 0xFFFFFFFD),
        ("~table", "table", 0xFFFFFFFC),
    ],
)
def test_guards_of_patterns(text, stored, kind):
    guard = image.Guard(name=text, value=None, pattern=patterns.parse(text))
    row, names = image._guards([guard], 0)
    assert (image.GUARD.unpack(row)[3], names) == (kind, stored.encode())


def test_a_value_that_is_no_text(tmp_path):
    """Bytes of the environment that are no UTF-8, as Python shows them."""
    guard = image.Guard(name="NAME", value=b"\xff\xfe".decode("utf-8", "surrogateescape"))
    made, _ = make(tmp_path, {DATA: [1], HEAP: [2]}, guards=[guard])
    assert made.guards == [(b"NAME", b"\xff\xfe", False)]


# ---- what is refused ----


@pytest.mark.parametrize("length", [0, 8, 31, 32, 95])
def test_a_dump_that_breaks_off(tmp_path, length):
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    (tmp_path / "dump").write_bytes((tmp_path / "dump").read_bytes()[:length])
    with pytest.raises(ToolError, match="no complete dump"):
        dump.read(tmp_path / "dump")


def test_a_dump_without_its_magic(tmp_path):
    """It is written last."""
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    data = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(bytes(8) + data[8:])
    with pytest.raises(ToolError, match="no complete dump"):
        dump.read(tmp_path / "dump")


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (8, 65537, "no complete dump"),
        (8, 1000, "no complete dump"),
        (32, DATA + 1, "damaged"),
        (32, HEAP, "damaged"),  # not in the order of their addresses
        (40, 100, "damaged"),
        (40, 1 << 40, "damaged"),
        (40, HEAP, "damaged"),
        (48, PAGE + 1, "damaged"),
        (48, 1 << 40, "damaged"),
        (56, 3 << 32 | 3, "damaged"),
    ],
)
def test_a_dump_that_means_nothing(tmp_path, at, value, message):
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    data = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(data[:at] + struct.pack("<Q", value) + data[at + 8 :])
    with pytest.raises(ToolError, match=message):
        dump.read(tmp_path / "dump")


def test_a_truncated_dump(tmp_path):
    write_dump(tmp_path / "dump", {DATA: [1], HEAP: [2]}, 1)
    data = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(data[:-1])
    with pytest.raises(ToolError, match="damaged"):
        dump.read(tmp_path / "dump")


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
#include "nb_region.h"
uint64_t check(const uint64_t *words, uint64_t count) { return nb_image_check(words, count); }
const unsigned long facts[] = {
    sizeof(struct nb_image_slot), offsetof(struct nb_image_slot, offset),
    sizeof(struct nb_image_header), offsetof(struct nb_image_header, file_length),
    offsetof(struct nb_image_header, page_size), offsetof(struct nb_image_header, guards),
    sizeof(struct nb_image_map), sizeof(struct nb_image_read), sizeof(struct nb_image_guard),
    NB_IMAGE_MAGIC, NB_IMAGE_ABSENT, NB_IMAGE_OR_ABSENT, NB_IMAGE_PAGE, NB_IMAGE_MAX_TABLES,
    NB_IMAGE_EMPTY, (unsigned long)NB_REGION_BASE, (unsigned long)NB_HEAP_BASE,
    sizeof(struct nb_dump_header), sizeof(struct nb_dump_range),
    offsetof(struct nb_dump_range, kind), NB_DUMP_FILE, NB_DUMP_NOTHING,
    NB_DUMP_MAGIC, NB_DUMP_MOST};
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
    facts = list((ctypes.c_ulong * 24).in_dll(c_side, "facts"))
    header = struct.Struct("<QQ32s")
    assert facts == [
        *(image.SLOT.size, struct.calcsize("<16s32s")),
        *(image.HEADER.size, header.size, header.size + 40, image.HEADER.size - 4),
        *(image.MAP.size, image.READ.size, image.GUARD.size),
        *(image.MAGIC, image.ABSENT, image.OR_ABSENT, dump.PAGE, image.MAX_TABLES),
        *(image.EMPTY, dump.REGION_BASE, HEAP),
        *(
            dump.HEADER.size,
            dump.RANGE.size,
            dump.RANGE.size - 4,
            dump.FILE,
            dump.NOTHING,
            dump.MAGIC,
            dump.MOST,
        ),
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
