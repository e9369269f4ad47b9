"""The same input gives the same bytes, from a cold cache, a warm one and a damaged one."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import FUNCTIONS, assert_one_message, build_native, leftovers, linked_cache

import build_scripts
from build_scripts import cache

if TYPE_CHECKING:
    from collections.abc import Callable

COLD = ("dependencies", "codegen", "objects", "archives", "programs", "snapshots", "zips")
SMALL = 1_000_000  # bytes of bytecode; the standard library is larger and takes half a minute


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def project_in(folder: Path) -> Path:
    shutil.copytree(FUNCTIONS / "sample", folder)
    (folder / "requirements.txt").write_text("six==1.17.0\n")
    return folder


def build(project: Path, output: Path, **environ: str) -> str:
    """The SHA-256 of function.zip."""
    arguments = ("build", "app.handler", "--project", project, "--output", output)
    result = build_native(*arguments, **environ)
    assert result.status == 0, result.err
    return sha256(output / "function.zip")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A second machine, so to say: its cache, what it built first, how it builds again."""

    private: Path
    first: str
    again: Callable[..., str]
    environ: dict[str, str]


def product_in(folder: Path, source: Path = Path(build_scripts.__file__).parents[1]) -> Path:
    for package in ("build_scripts", "native_bootstrap"):
        shutil.copytree(source / package, folder / package)
    return folder


@pytest.fixture(scope="module")
def one_place(tmp_path_factory):
    """A copy of the product (it may change while the tests run), and what it builds there."""
    folder = tmp_path_factory.mktemp("one-place")
    product = product_in(folder / "product")
    output = folder / "out"
    return product, build(project_in(folder / "project"), output, PYTHONPATH=str(product))


@pytest.fixture(scope="module")
def reference(one_place):
    return one_place[1]


@pytest.fixture(scope="module")
def elsewhere(one_place, tmp_path_factory):
    """Product, project, cache and scratch folder in another place; a function that builds there."""
    folder = tmp_path_factory.mktemp("another-place") / "with a space"
    private = linked_cache(folder / "cache", COLD)
    for link in (private / "modules").iterdir():
        if (link / "data").stat().st_size < SMALL:
            link.unlink()
    project = project_in(folder / "some" / "project")
    (folder / "tmp").mkdir()
    names = {
        "NATIVE_BOOTSTRAP_CACHE": str(private),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(product_in(folder / "product", one_place[0])),
    }
    first = build(project, folder / "out", **names)

    def again(**environ: str) -> str:
        return build(project, folder / "out", **names, **environ)

    return Place(private=private, first=first, again=again, environ=names)


def test_two_builds_in_different_places_are_equal(elsewhere, reference):
    assert elsewhere.first == reference


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zeroed(data: bytes) -> bytes:
    return bytes(len(data))


def one_bit(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def damage(folder: Path, change) -> int:
    """Damage the largest file of (up to three) entries of a kind that are no links."""
    entries = [entry for entry in sorted(folder.glob("[!.]*")) if not entry.is_symlink()][:3]
    for entry in entries:
        files = [path for path in entry.rglob("*") if path.is_file() and path.name != cache.STAMP]
        largest = max(files, key=lambda path: path.stat().st_size)
        largest.write_bytes(change(largest.read_bytes()))
    return len(entries)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("dependencies", truncated),
        ("modules", one_bit),
        ("codegen", truncated),
        ("objects", zeroed),
        ("archives", one_bit),
        ("programs", truncated),
        ("programs", one_bit),
        ("snapshots", truncated),
        ("snapshots", one_bit),
        ("zips", zeroed),
    ],
)
def test_a_damaged_entry_is_made_again(elsewhere, reference, kind, change):
    private, again = elsewhere.private, elsewhere.again
    assert damage(private / kind, change) >= 1
    assert again() == reference
    assert all(cache.is_intact(entry) for entry in (private / kind).glob("[!.]*"))
    assert leftovers(private) == []


def test_damaged_bytecode_of_the_compiler(elsewhere, reference):
    private, again = elsewhere.private, elsewhere.again
    files = list((private / "pycache").rglob("*.pyc"))
    assert len(files) > 100
    for file in files:
        file.write_bytes(truncated(file.read_bytes()))
    shutil.rmtree(private / "codegen")
    assert again() == reference


def test_a_damaged_pack_is_made_again(elsewhere, reference):
    """With a damaged step and a damaged source below it."""
    private, again = elsewhere.private, elsewhere.again
    pack = Path(build_native("pack", "path", **elsewhere.environ).out.strip())
    copies = {
        "packs": [pack],
        "steps": [*(private / "steps").glob("zlib-*")],
        "sources": [*(private / "sources").glob("zlib*")],
    }
    for kind, links in copies.items():
        for link in links:
            original = link.resolve()
            (private / kind / link.name).unlink()
            copy = shutil.copytree if original.is_dir() else shutil.copyfile
            copy(original, private / kind / link.name)
    (pack / "lib" / "libz.a").write_bytes(b"!<arch>\n")
    for step in copies["steps"]:
        (step / "lib" / "libz.a").write_bytes(b"!<arch>\n")
    for source in copies["sources"]:
        source.write_bytes(truncated(source.read_bytes()))
    damage(private / "programs", truncated)  # so that the new pack is linked, too
    assert again(NATIVE_BOOTSTRAP_SOURCES=str(cache.root() / "sources")) == reference
    assert leftovers(private) == []


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("dependencies", "32k"),
        ("objects", "128k"),
        ("archives", "1m"),
        ("programs", "4m"),
        ("programs", "32m"),  # the debug program fits, the stripped one does not
        ("snapshots", "4m"),
        ("zips", "2m"),
        ("tmp", "256k"),
        ("out", "30m"),
    ],
)
def test_a_full_disk(one_place, private_cache, tmp_path, tiny, kind, size):
    project = project_in(tmp_path / "project")
    private = private_cache(cold=[kind])
    folders = {"tmp": tmp_path / "tmp", "out": tmp_path / "out"}
    folders["tmp"].mkdir()
    folders["out"].mkdir()
    if kind == "tmp":
        shutil.rmtree(private / "codegen")  # Nuitka works there
    tiny(folders.get(kind, private / kind), size)
    result = build_native(
        *("build", "app.handler", "--project", project, "--output", folders["out"]),
        NATIVE_BOOTSTRAP_CACHE=str(private),
        TMPDIR=str(folders["tmp"]),
        PYTHONPATH=str(one_place[0]),
    )
    assert_one_message(result, 40, "the disk is full", "free some space")
    assert leftovers(private) == []
    assert list(folders["out"].iterdir()) == []
    assert list(folders["tmp"].iterdir()) == []
    assert all(cache.is_intact(entry) for entry in (private / kind).glob("*"))
