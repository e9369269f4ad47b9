"""--env and --env-file."""

from __future__ import annotations

import pytest

from build_scripts import declared
from native_bootstrap.errors import ConfigError, UsageError


def test_values_empty_ones_and_absent_ones():
    given = ["STAGE=prod", "EMPTY=", "EQUALS=a=b", "DEBUG!"]
    assert declared.parse(given) == {
        "DEBUG": None,
        "EMPTY": "",
        "EQUALS": "a=b",
        "STAGE": "prod",
    }


@pytest.mark.parametrize("entry", ["STAGE", "=prod", "A B=c", "!", "A=\0", ""])
def test_what_is_no_variable_is_refused(entry):
    with pytest.raises(UsageError, match="not NAME=VALUE"):
        declared.parse([entry])


def test_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOST_SECRET", "of this machine")
    file = tmp_path / ".env"
    file.write_text(
        "# comment\nexport STAGE='prod'\nTEXT=\"two words\"\nLEAK=${HOST_SECRET}\n\nA=1\n"
    )
    assert declared.parse(["A=2"], file) == {
        "A": "2",
        "LEAK": "${HOST_SECRET}",
        "STAGE": "prod",
        "TEXT": "two words",
    }


@pytest.mark.parametrize("content", [b"JUST_A_NAME\n", b"A=\xff\xfe\n"])
def test_a_file_that_cannot_be_read(tmp_path, content):
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="--env-file"):
        declared.parse([], file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        declared.parse([], tmp_path / "none")


def test_an_event(tmp_path):
    file = tmp_path / "event.json"
    with pytest.raises(ConfigError, match="No such file"):
        declared.check_event(file)
    file.write_text('{"a": 1}')
    declared.check_event(file)
    file.write_text("{a: 1}")
    with pytest.raises(ConfigError, match="not JSON"):
        declared.check_event(file)


def test_secrets_are_not_shown():
    assert declared.shown("STAGE", "prod") == "STAGE=prod"
    assert declared.shown("API_KEY", "k-123") == "API_KEY=…"
    assert declared.shown("DEBUG", None) == "DEBUG not set"
    assert declared.secrets({"DB_PASSWORD": "x", "STAGE": "y", "TOKEN": None}) == ["DB_PASSWORD"]
