"""Private folders and cache entries, with an interrupt at every single point."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from build_scripts import cache, scratch


class Interrupt:
    """Raises KeyboardInterrupt at the ``at``-th event of the code of ours (and what it calls)."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame, event, argument):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return self


def interrupt_everywhere(work, check) -> int:
    """Run ``work`` again and again, interrupted one step later each time; how often."""
    at = 0
    while is_interrupted(work, at := at + 1):
        scratch.remove_listed()
        check()
    return at


def is_interrupted(work, at: int) -> bool:
    sys.settrace(Interrupt(at))
    try:
        work()
    except KeyboardInterrupt:
        return True
    except OSError as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        return True  # rmtree closed what it had just closed
    finally:
        sys.settrace(None)
    return False


# Files that an interrupt leaves open are closed by the collector, which says so.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _handlers_stay(monkeypatch):
    """At its end a program ignores signals; these tests are not at their end."""
    monkeypatch.setattr(scratch.signal, "signal", lambda *_: None)


def test_no_folder_outlives_an_interrupt(tmp_path):
    def work():
        with scratch.private_folder(".", tmp_path) as folder:
            (folder / "file").write_text("content")

    points = interrupt_everywhere(work, lambda: _is_empty(tmp_path))
    assert points > 100
    assert list(tmp_path.iterdir()) == []


def _is_empty(folder: Path) -> None:
    assert list(folder.iterdir()) == []


def test_an_entry_is_whole_or_absent_after_an_interrupt(tmp_path):
    final = tmp_path / "entry"

    def work():
        with cache.publish(final) as folder:
            (folder / "file").write_text("content")

    def check():
        assert {path.name for path in tmp_path.iterdir()} <= {"entry"}
        assert cache.is_intact(final) or not final.exists()
        cache.remove(final)

    assert interrupt_everywhere(work, check) > 300
    assert cache.is_intact(final)


def test_a_folder_is_private_and_gone_after_an_error(tmp_path):
    with (
        pytest.raises(ValueError, match="inside"),
        scratch.private_folder("name-", tmp_path) as folder,
    ):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.name.startswith("name-")
        (folder / "sub").mkdir()
        raise ValueError("inside")
    assert list(tmp_path.iterdir()) == []


def test_folders_that_cannot_be_written_to(tmp_path, monkeypatch):
    """As for a user who is not root: nothing can be removed from them before they are changed."""
    remove = scratch.shutil.rmtree

    def as_a_user(folder, ignore_errors):
        folders = [path for path in [folder, *folder.rglob("*")] if path.is_dir()]
        if all(path.stat().st_mode & 0o200 for path in folders):
            remove(folder, ignore_errors)

    monkeypatch.setattr(scratch.shutil, "rmtree", as_a_user)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    with scratch.private_folder("x-", tmp_path) as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "link").symlink_to(outside)
        (folder / "a" / "b").chmod(0o555)
        (folder / "a").chmod(0o555)
    assert list(tmp_path.iterdir()) == [outside]
    assert outside.stat().st_mode & 0o777 == 0o755
    assert not scratch._listed
