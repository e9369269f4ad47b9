"""PYTHON* variables that reach into the interpreter's start do not prevent it."""

from __future__ import annotations

import subprocess

import pytest

NO_API = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}


def start(output, **environ):
    done = subprocess.run(
        [output / "bootstrap"],
        env={**NO_API, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.decode("cp1252")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Codecs that are not among those that the interpreter has before its importer.
        ("PYTHONIOENCODING", "cp1252"),
        ("PYTHONIOENCODING", "iso8859-15:replace"),
        ("PYTHONIOENCODING", "utf-8:surrogateescape"),
        ("PYTHONIOENCODING", ":ignore"),
        ("PYTHON_FROZEN_MODULES", "off"),
        ("PYTHONWARNINGS", "error"),
        ("PYTHONDEVMODE", "1"),
        ("PYTHONHOME", "/nowhere"),
    ],
)
def test_the_program_starts(built, name, value):
    said = start(built("sample", "app.handler"), **{name: value})
    assert said.startswith(f"native-bootstrap: starting without the snapshot: {name} is set;")
    assert "cannot connect: Connection refused" in said


def test_an_unknown_encoding_is_told_as_python_tells_it(built):
    said = start(built("sample", "app.handler"), PYTHONIOENCODING="nope")
    assert "LookupError: unknown encoding: nope" in said
