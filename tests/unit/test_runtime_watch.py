"""Callbacks at the end of a module's first import."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from native_bootstrap.runtime import watch


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of an importable module that notes whether it has run."""
    (tmp_path / "watched_module.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "watched_module"
    sys.modules.pop("watched_module", None)
    watch._callbacks.pop("watched_module", None)


def test_called_once_at_the_end_of_the_import(module):
    seen = []
    watch.when_imported(module, lambda: seen.append(sys.modules[module].value))
    assert seen == []
    imported = __import__(module)
    assert seen == [1]
    __import__(module)
    assert seen == [1]
    assert type(imported.__loader__).__name__ == "SourceFileLoader"
    assert imported.__spec__.loader is imported.__loader__


def test_several_callbacks_for_one_module(module):
    seen = []
    watch.when_imported(module, lambda: seen.append(1))
    watch.when_imported(module, lambda: seen.append(2))
    __import__(module)
    assert seen == [1, 2]


def test_called_at_once_for_a_module_that_is_there():
    seen = []
    watch.when_imported("sys", lambda: seen.append(1))
    assert seen == [1]


def test_asking_for_the_spec_is_no_import(module):
    seen = []
    watch.when_imported(module, lambda: seen.append(1))
    assert importlib.util.find_spec(module).origin.endswith("watched_module.py")
    assert seen == []
    __import__(module)
    assert seen == [1]


def test_a_failing_import_can_be_repeated(module, tmp_path):
    seen = []
    (tmp_path / "watched_module.py").write_text("raise ValueError('later')\n")
    watch.when_imported(module, lambda: seen.append(1))
    with pytest.raises(ValueError, match="later"):
        __import__(module)
    assert seen == []
    (tmp_path / "watched_module.py").write_text("value = 2222\n")
    importlib.invalidate_caches()
    __import__(module)
    assert seen == [1]
