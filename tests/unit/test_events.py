"""Events on the command line: text, files, standard input, and what a wrong one is told."""

from __future__ import annotations

import io
import sys

import pytest

from native_bootstrap import invoke
from native_bootstrap.errors import UsageError


def test_text_file_and_standard_input(tmp_path, monkeypatch):
    file = tmp_path / "event.json"
    file.write_bytes('{"é": 1}'.encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"[1]")))
    assert invoke.read_event('{"é": 1}') == invoke.read_event(str(file)) == file.read_bytes()
    assert invoke.read_event("-") == b"[1]"
    assert invoke.read_event("12") == b"12"
    assert invoke.read_event("1" * 300) == b"1" * 300  # too long for a file's name


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "neither JSON nor a file"), ("{", "neither JSON nor a file"), ("no.json", "neither"),
     ("half.json", "half.json is not JSON"), ("latin.json", "latin.json is not JSON"),
     ("folder", "neither JSON nor a file")],
)  # fmt: skip
def test_what_is_no_event(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half.json").write_text('{"a": 1')
    (tmp_path / "latin.json").write_bytes(b'"\xe9"')
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=words):
        invoke.read_event(text)
