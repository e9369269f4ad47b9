"""Packs on disk and as archives: whole or refused."""

from __future__ import annotations

import io
import json
import lzma
import os
import tarfile

import pytest

from build_scripts import pack
from build_scripts.log import quiet
from build_scripts.pack import model, transfer
from native_bootstrap.errors import PackError


@pytest.fixture
def made():
    """A small pack in the cache, with the layout of a real one."""
    root = model.folder() / "3.13-x86_64-0123456789abcdef"
    for name, content in {
        "bin/python3.13": b"\x7fELF program" * 1000,
        "lib/libpython3.13.a": b"!<arch>\n" + bytes(20_000),
        "lib/python3.13/os.py": b"import abc\n",
        "licenses/python/LICENSE": b"PSF",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "bin/python3.13").chmod(0o755)
    info = {
        "name": root.name,
        "key": "0123456789abcdef",
        "base_key": "fedcba9876543210",
        "arch": "x86_64",
        "sources": {"python": {"version": "3.13.5"}},
        "built": "2025-01-01T00:00:00Z",
        "files": model.manifest(root),
    }
    (root / model.INFO).write_text(json.dumps(info))
    model.stamp(root)
    found = model.read(root)
    assert found is not None
    return found


def test_paths(made):
    assert made.python.name == "python3.13"
    assert made.include == made.root / "include" / "python3.13"
    assert made.archives[0] == made.lib / "libpython3.13.a"
    assert made.stdlib == made.root / "lib" / "python3.13"
    assert pack.list_packs() == [made]


def test_an_untouched_pack_is_whole(made):
    assert model.is_intact(made)
    assert model.damage(made) == []
    (made.stdlib / "__pycache__").mkdir()
    (made.stdlib / "__pycache__" / "os.cpython-313.pyc").write_bytes(b"later")
    assert model.is_intact(made)


@pytest.mark.parametrize(
    "harm",
    [
        lambda root: (root / "lib/libpython3.13.a").write_bytes(b"!<arch>\n" + bytes(19_999)),
        lambda root: (root / "lib/python3.13/os.py").unlink(),
        lambda root: os.utime(root / "bin/python3.13", (1, 1)),
        lambda root: (root / model.STAMP).unlink(),
        lambda root: (root / model.STAMP).write_text("[]"),
    ],
)
def test_damage_is_noticed_cheaply(made, harm):
    harm(made.root)
    assert not model.is_intact(made)


def test_verify_reads_the_content(made):
    path = made.root / "lib/libpython3.13.a"
    times = path.stat()
    path.write_bytes(b"!<arch>\n" + bytes(19_999) + b"x")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert model.is_intact(made), "the cheap check cannot see this"
    assert model.damage(made) == ["lib/libpython3.13.a"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"key": 1}'])
def test_unreadable_packs_do_not_count(made, text):
    (made.root / model.INFO).write_text(text)
    assert model.read(made.root) is None
    assert pack.list_packs() == []


def test_round_trip(made, tmp_path, monkeypatch):
    archive = pack.export(made, tmp_path / "out" / "pack.tar.xz", log=quiet())
    assert [path.name for path in archive.parent.iterdir()] == ["pack.tar.xz"]
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path / "elsewhere"))
    again = pack.import_(archive, log=quiet())
    assert again.root == tmp_path / "elsewhere" / "packs" / made.root.name
    assert again.info == made.info
    assert model.is_intact(again)
    assert model.damage(again) == []
    assert os.access(again.python, os.X_OK)
    assert not os.access(again.lib / "libpython3.13.a", os.X_OK)
    assert pack.import_(archive, log=quiet()) == again, "a second time replaces it"


def test_exports_are_reproducible(made, tmp_path):
    one = pack.export(made, tmp_path / "1.tar.xz", log=quiet()).read_bytes()
    os.utime(made.stdlib / "os.py")
    assert pack.export(made, tmp_path / "2.tar.xz", log=quiet()).read_bytes() == one


def test_a_damaged_pack_is_not_exported(made, tmp_path):
    (made.stdlib / "os.py").write_bytes(b"import evil")
    with pytest.raises(PackError, match=r"damaged: lib/python3\.13/os\.py"):
        pack.export(made, tmp_path / "pack.tar.xz", log=quiet())
    assert not any(path.name.startswith("pack") for path in tmp_path.iterdir())


def archive_of(path, *members):
    with tarfile.open(path, "w:xz") as tar:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


@pytest.mark.parametrize(
    "member",
    [
        "../outside",
        "pack/../../outside",
        "/etc/outside",
        "top-level-file",
        link("pack/link", "/etc/passwd", tarfile.SYMTYPE),
        link("pack/link", "pack/ok", tarfile.LNKTYPE),
        link("pack/device", "", tarfile.CHRTYPE),
        "another/file",
    ],
)
def test_what_does_not_belong_is_refused(tmp_path, member):
    archive = archive_of(tmp_path / "evil.tar.xz", ("pack/ok", b"1"), (member, b""))
    with pytest.raises(PackError, match="is not a whole runtime pack: it holds"):
        pack.import_(archive, log=quiet())
    assert list(model.folder().iterdir()) == []
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "content", [b"", b"not an archive at all", lzma.compress(b"not a tar"), lzma.compress(b"")]
)
def test_not_an_archive(tmp_path, content):
    (tmp_path / "x.tar.xz").write_bytes(content)
    with pytest.raises(PackError, match="is not a whole runtime pack"):
        pack.import_(tmp_path / "x.tar.xz", log=quiet())


def test_no_such_file(tmp_path):
    with pytest.raises(PackError, match="does not exist"):
        pack.import_(tmp_path / "x.tar.xz", log=quiet())


def test_truncated_archive(made, tmp_path):
    archive = pack.export(made, tmp_path / "pack.tar.xz", log=quiet())
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(PackError, match="is not a whole runtime pack"):
        pack.import_(archive, log=quiet())
    assert model.is_intact(made), "the pack that was there stays"


def test_changed_content_is_refused(made, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer.model, "damage", lambda pack: [])
    (made.stdlib / "os.py").write_bytes(b"import evi\n")
    archive = pack.export(made, tmp_path / "pack.tar.xz", log=quiet())
    monkeypatch.undo()
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path / "elsewhere"))
    with pytest.raises(PackError, match=r"lib/python3\.13/os\.py"):
        pack.import_(archive, log=quiet())
    assert list(model.folder().iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda info: info.pop("files"),
        lambda info: info.update(files=[]),
        lambda info: info.update(files={}),
        lambda info: info.update(files={"bin/python3.13": 3}),
        lambda info: info.update(arch="../../x"),
        lambda info: info.update(arch=[]),
        lambda info: info.update(name="another"),
        lambda info: info.update(sources={"python": {"version": 3}}),
    ],
)
def test_malformed_contents_list(made, tmp_path, change):
    change(made.info)
    members = [(f"{made.root.name}/pack.json", json.dumps(made.info).encode())]
    archive = archive_of(tmp_path / "x.tar.xz", *members, (f"{made.root.name}/bin/python3.13", b""))
    with pytest.raises(PackError, match=r"its pack\.json is missing or wrong"):
        pack.import_(archive, log=quiet())
    assert [path.name for path in model.folder().iterdir()] == [made.root.name]


def test_a_file_that_nobody_vouches_for_is_refused(made, tmp_path):
    names = (*made.info["files"], model.INFO)
    members = [(f"{made.root.name}/{name}", (made.root / name).read_bytes()) for name in names]
    more = (f"{made.root.name}/lib/python3.13/sitecustomize.py", b"import evil")
    archive = archive_of(tmp_path / "x.tar.xz", *members, more)
    with pytest.raises(PackError, match=r"does not know lib/python3\.13/sitecustomize\.py"):
        pack.import_(archive, log=quiet())


@pytest.mark.parametrize(
    "names",
    [("a/b", "a/b"), ("a/b", "a/b/c"), ("a/b/c", "a/b"), ("a/" + "x" * 300,)],
)
def test_names_that_cannot_be_files(tmp_path, names):
    archive = archive_of(tmp_path / "x.tar.xz", *((name, b"") for name in names))
    with pytest.raises(PackError, match="is not a whole runtime pack"):
        pack.import_(archive, log=quiet())
    assert list(model.folder().iterdir()) == []


def test_a_pack_in_use_is_not_taken_away(made, tmp_path):
    archive = pack.export(made, tmp_path / "pack.tar.xz", log=quiet())
    used = made.python.stat().st_ino
    assert pack.import_(archive, log=quiet()) == made
    assert made.python.stat().st_ino == used
    made.python.write_bytes(b"damaged")
    assert model.damage(pack.import_(archive, log=quiet())) == []


def test_an_export_follows_no_link(made, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".pack.tar.xz.partial").symlink_to(victim)
    pack.export(made, tmp_path / "pack.tar.xz", log=quiet())
    assert victim.read_text() == "mine"
