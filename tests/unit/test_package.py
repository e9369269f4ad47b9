"""function.zip: deterministic, complete, within Lambda's limits."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from build_scripts import package
from build_scripts.modules import DataFile
from native_bootstrap.errors import DiskFullError, OutputError, PackageTooLargeError

LIMITS = {"unzipped": 10_000, "direct_upload": 5_000}


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "program"
    file.write_bytes(b"\x7fELF" * 100)
    return file


def data(tmp_path, **files):
    found = []
    for number, (path, content) in enumerate(files.items()):
        file = tmp_path / f"data{number}"
        file.write_bytes(content)
        found.append(DataFile(path=path.replace("__", "/"), file=file))
    return found


def test_content_modes_and_order(tmp_path, program):
    files = data(tmp_path, z=b"last", a__b=b"first", tool=b"#!")
    files[2].file.chmod(0o700)
    made = package.write(program, files, tmp_path / "out/function.zip")
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        rows = [(i.filename, i.external_attr >> 16, i.date_time[0]) for i in archive.infolist()]
        assert archive.read("a/b") == b"first"
    assert rows == [
        ("a/b", 0o100644, 1980),
        ("tool", 0o100755, 1980),
        ("z", 0o100644, 1980),
        ("bootstrap", 0o100755, 1980),
    ]
    assert made.unzipped == 400 + 4 + 5 + 2
    assert made.zipped == made.path.stat().st_size
    assert made.files == 4


def test_same_input_same_bytes(tmp_path, program):
    files = data(tmp_path, a=b"1", b=b"2")
    one = package.write(program, files, tmp_path / "one.zip")
    os.utime(program, (0, 0))
    files[0].file.chmod(0o600)
    two = package.write(program, files[::-1], tmp_path / "two.zip")
    assert one.sha256 == two.sha256
    assert one.path.read_bytes() == two.path.read_bytes()


def test_the_program_cannot_be_replaced_by_data(tmp_path, program):
    made = package.write(program, data(tmp_path, bootstrap=b"x", a=b"y"), tmp_path / "f.zip")
    assert made.files == 2
    with zipfile.ZipFile(made.path) as archive:
        assert archive.read("bootstrap") == program.read_bytes()


def test_too_large_is_an_error_and_writes_nothing(tmp_path, program):
    target = tmp_path / "out" / "function.zip"
    files = data(tmp_path, models__big=bytes(9_000), models__more=bytes(900))
    with pytest.raises(PackageTooLargeError, match=r"(?s)0\.0 MB unzipped.*models"):
        package.write(program, files, target, limits=LIMITS)
    assert not target.parent.exists()


def test_just_at_the_limit(tmp_path, program):
    files = data(tmp_path, big=bytes(10_000 - 400))
    assert package.write(program, files, tmp_path / "f.zip", limits=LIMITS).unzipped == 10_000


def test_a_zip_for_s3_is_a_warning(tmp_path, program):
    files = data(tmp_path, noise=os.urandom(6_000))
    made = package.write(program, files, tmp_path / "f.zip", limits=LIMITS)
    assert "upload it to S3" in made.warnings[0]
    assert not package.write(program, [], tmp_path / "g.zip", limits=LIMITS).warnings


def test_the_real_limits_are_lambdas(tmp_path, program):
    assert package.write(program, [], tmp_path / "f.zip").warnings == ()


def test_a_full_disk(tmp_path, program, monkeypatch):
    target = tmp_path / "function.zip"
    target.write_bytes(b"the one before")
    read = Path.read_bytes

    def full(self):
        if self == program:
            raise OSError(28, os.strerror(28))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", full)
    with pytest.raises(DiskFullError):
        package.write(program, [], target)
    monkeypatch.undo()
    assert target.read_bytes() == b"the one before"
    assert sorted(tmp_path.iterdir()) == sorted([program, target])


def test_data_is_deflated_once(tmp_path, program, monkeypatch):
    files = data(tmp_path, a=b"1" * 100, b=b"2")
    package.write(program, files, tmp_path / "one.zip")
    program.write_bytes(b"another program")
    added = []
    add = package._add
    monkeypatch.setattr(package, "_add", lambda *args: (added.append(args[1]), add(*args)))
    made = package.write(program, files, tmp_path / "two.zip")
    assert added == []  # the program is not added this way
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        assert archive.read("bootstrap") == b"another program"
        assert archive.namelist() == ["a", "b", "bootstrap"]


def test_a_folder_that_cannot_be_made(tmp_path, program):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        package.write(program, [], tmp_path / "file" / "sub" / "f.zip")


def test_a_file_made_executable_is_a_change(tmp_path, program):
    tool = tmp_path / "tool.sh"
    tool.write_text("#!/bin/sh")
    data = [DataFile(path="tool.sh", file=tool)]
    modes = []
    for mode in (0o644, 0o755):
        tool.chmod(mode)
        with zipfile.ZipFile(package.cached(program, "key", data).path) as archive:
            modes.append(archive.getinfo("tool.sh").external_attr >> 16 & 0o777)
    assert modes == [0o644, 0o755]


def test_the_cache_can_be_moved(tmp_path, program, monkeypatch):
    first = package.cached(program, "key", [])
    (tmp_path / "cache").rename(tmp_path / "moved")
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path / "moved"))
    second = package.cached(program, "key", [])
    assert second.path.is_relative_to(tmp_path / "moved")
    assert second.path.is_file()
    assert second.sha256 == first.sha256
