"""Entries appear complete or not at all, and damage is noticed."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from build_scripts import cache
from native_bootstrap.errors import DiskFullError, OutputError


def entry(tmp_path, size=20_000):
    final = tmp_path / "entry"
    with cache.publish(final) as work:
        (work / "sub").mkdir()
        (work / "sub" / "data").write_bytes(b"x" * size)
    return final


def test_published_entries_are_intact(tmp_path):
    assert cache.is_intact(entry(tmp_path))
    assert not cache.is_intact(tmp_path / "never made")


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "sub/data").write_bytes(b"x" * 19_999),
        lambda f: (f / "sub/data").write_bytes(b"x" * 15_904 + b"\0" * 4096),
        lambda f: (f / "sub/data").write_bytes(b"\0" * 4096 + b"x" * 15_904),
        lambda f: (f / "sub/data").write_bytes(b"x" * 9_999 + b"\0" + b"x" * 10_000),
        lambda f: (f / "sub/data").unlink(),
        lambda f: (f / cache.STAMP).write_text("{"),
        lambda f: (f / cache.STAMP).unlink(),
        lambda f: (f / "extra").write_text("more"),
    ],
)
def test_damage_is_noticed(tmp_path, damage):
    final = entry(tmp_path)
    damage(final)
    assert not cache.is_intact(final)


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_failed_entry(tmp_path, error):
    with pytest.raises(type(error)), cache.publish(tmp_path / "entry") as work:
        (work / "half").write_text("written")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_failed_replacement_keeps_the_old_entry(tmp_path):
    final = entry(tmp_path)
    with pytest.raises(RuntimeError), cache.publish(final):
        raise RuntimeError
    assert cache.is_intact(final)


def test_builders_of_one_entry_do_not_disturb_each_other(tmp_path):
    final = tmp_path / "entry"

    def build(number):
        with cache.publish(final) as work:
            for part in range(20):
                (work / str(part)).write_text(str(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(build, range(80)))
    assert cache.is_intact(final)
    assert list(tmp_path.iterdir()) == [final]


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, DiskFullError), (errno.EROFS, OutputError)]
)
def test_operating_system_errors_become_ours(tmp_path, code, kind):
    with pytest.raises(kind), cache.publish(tmp_path / "entry"):
        raise OSError(code, "said the system", "some/file")


def test_key_depends_on_content_names_and_order(tmp_path):
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "one").write_text("1")
    assert cache.content_key(tmp_path / "a") == cache.content_key(tmp_path / "b")
    (tmp_path / "b" / "one").rename(tmp_path / "b" / "two")
    assert cache.content_key(tmp_path / "a") != cache.content_key(tmp_path / "b")
    assert cache.content_key("ab", "c") != cache.content_key("a", "bc")
    assert cache.content_key("a", "b") != cache.content_key("b", "a")


def test_an_entry_that_others_may_read_by_now_stays(tmp_path):
    final = tmp_path / "entry"
    with cache.publish(final) as slow:
        (slow / "data").write_text("slow")
        with cache.publish(final) as fast:
            (fast / "data").write_text("fast")
        taken = (final / "data").stat().st_ino
    assert (final / "data").stat().st_ino == taken
    assert list(tmp_path.iterdir()) == [final]


def test_an_entry_can_be_replaced(tmp_path):
    final = entry(tmp_path)
    with cache.publish(final) as work:
        (work / "other").write_text("newer")
    assert [path.name for path in final.iterdir() if path.name != cache.STAMP] == ["other"]


def test_the_cache_is_the_same_from_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", "here")
    assert cache.root() == tmp_path / "here"
    monkeypatch.delenv("NATIVE_BOOTSTRAP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.root() == tmp_path / ".cache" / "native-bootstrap"


def test_old_entries_go_and_new_or_used_ones_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "KEPT", 2)
    for age, name in enumerate(["new", "second", "young", "used", "old", "older"]):
        with cache.publish(tmp_path / "zips" / name) as work:
            (work / "file").write_text(name)
        hours = {"young": 0.5}.get(name, age * 2)
        when = time.time() - hours * 3600
        os.utime(tmp_path / "zips" / name, (when, when))
    (tmp_path / "zips" / "link").symlink_to(tmp_path / "zips" / "old")
    assert cache.is_intact(tmp_path / "zips" / "used")
    cache.prune("zips")
    left = {path.name for path in (tmp_path / "zips").iterdir()}
    assert left == {"new", "used", "young", "link"}
    cache.prune("nothing")


def test_large_entries_go_before_there_are_many(tmp_path, monkeypatch):
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "KEPT_BYTES", 25_000)
    for age, name in enumerate(["newest", "second", "third", "fourth"], start=2):
        with cache.publish(tmp_path / "programs" / name) as work:
            (work / "bootstrap").write_bytes(bytes(10_000))
        when = time.time() - age * 3600
        os.utime(tmp_path / "programs" / name, (when, when))
    cache.prune("programs")
    assert {path.name for path in (tmp_path / "programs").iterdir()} == {"newest", "second"}
