"""The module archive's bytes, against the format that the C core reads."""

from __future__ import annotations

import struct
import zlib

import pytest

from build_scripts import archive
from build_scripts.archive import ModuleEntry

ROWS = [
    ModuleEntry(name="b", path="b.py", code=b"code of b", source=archive.pack_source(b"x = 1\n")),
    ModuleEntry(name="a", path="a/__init__.py", flags=archive.PACKAGE, code=b"code of a!"),
    ModuleEntry(
        name="a.x",
        path="/var/lang/lib/python3.13/a/x.py",
        flags=archive.CODE_DEFLATED,
        code=zlib.compress(b"y" * 500),
        code_raw_length=500,
    ),
    ModuleEntry(name="space", path="space", flags=archive.NAMESPACE),
    ModuleEntry(name="native", path="native.py", flags=archive.COMPILED, source=b"\0\0\0\0x"),
    ModuleEntry(name="é", path="é.py", code=b"z"),
]


def test_what_is_written_can_be_read():
    found = archive.read(archive.encode(ROWS, {"handler": "app.handler", "empty": ""}))
    assert list(found) == ["@empty", "@handler", "a", "a.x", "b", "native", "space", "é"]
    for row in ROWS:
        got = found[row.name]
        assert (got.path, got.flags, got.code, got.source) == (
            row.path, row.flags, row.code, row.source,
        )  # fmt: skip
        assert got.code_raw_length == (row.code_raw_length or len(row.code))
    assert found["@handler"].code == b"app.handler"
    assert found["@handler"].flags == archive.INFO


def test_the_layout():
    blob = archive.encode(ROWS, {})
    magic, count, size, entries, strings, strings_len, data, total, zero = struct.unpack_from(
        "<8sIIQQQQQQ", blob
    )
    assert (magic, count, size, entries, total, zero) == (b"NBARCH01", 6, 40, 64, len(blob), 0)
    assert strings == 64 + 40 * count
    assert strings + strings_len <= data
    assert data % 16 == 0
    names = []
    for number in range(count):
        row = struct.unpack_from("<10I", blob, entries + 40 * number)
        names.append(blob[strings + row[0] : strings + row[0] + row[1]])
        deflated = row[4] & archive.CODE_DEFLATED
        assert deflated or row[5] % 16 == 0, "code read in place is aligned"
        assert deflated or row[6] == row[7]
        assert (row[8] == 0xFFFFFFFF) == (not row[4] & archive.SOURCE_DEFLATED)
    assert names == sorted(names)


def test_same_input_same_bytes():
    info = {"a": "1", "b": "2"}
    turned = archive.encode(ROWS[::-1], dict(reversed(info.items())))
    assert turned == archive.encode(ROWS, info)


def test_a_name_twice_is_refused():
    with pytest.raises(ValueError, match="one name"):
        archive.encode([ROWS[0], ROWS[0]], {})


def test_an_empty_archive():
    assert archive.read(archive.encode([], {})) == {}


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "modules.bin"
    target.write_bytes(b"old")
    archive.write(ROWS, {}, target)
    assert target.read_bytes() == archive.encode(ROWS, {})
    assert list(tmp_path.iterdir()) == [target]


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="not a module archive"):
        archive.read(b"X" * 100)


def test_sources_are_length_and_stream():
    packed = archive.pack_source(b"print()\n")
    assert int.from_bytes(packed[:4], "little") == 8
    assert zlib.decompress(packed[4:]) == b"print()\n"
