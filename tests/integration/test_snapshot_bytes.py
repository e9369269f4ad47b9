"""The same input gives the same image, whoever builds it, where, when and under what load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support import FUNCTIONS, build_native

FUNCTION = "restored"


def build(tmp_path: Path, name: str, cache: Path, *options: str, **environ: str) -> bytes:
    """A build of a copy of the project somewhere else; the snapshot is made anew each time."""
    project = shutil.copytree(FUNCTIONS / FUNCTION, tmp_path / name / "project")
    output = tmp_path / name / "out"
    found = build_native(
        *("build", "app.handler", "--project", project, "--output", output, *options),
        NATIVE_BOOTSTRAP_CACHE=str(cache),
        **environ,
    )
    assert found.status == 0, found.err
    assert json.loads((output / "report.json").read_text())["snapshot"]["level"] == "full"
    return (output / "bootstrap").read_bytes()


def test_two_builds_are_the_same_bytes(tmp_path, private_cache):
    first = build(tmp_path, "here", private_cache(cold=["snapshots", "zips"]))
    shutil.rmtree(tmp_path / "private-cache")
    second = build(
        tmp_path,
        "somewhere/else with a longer name",
        private_cache(cold=["snapshots", "zips"]),
        TMPDIR=str(tmp_path),
        HOME=str(tmp_path),
        XDG_CACHE_HOME=str(Path.home() / ".cache"),
        TZ="Pacific/Auckland",
        LC_ALL="C",
        SOME_VARIABLE="of this machine",
    )
    assert first == second


def test_a_salt_changes_the_hash_secret(tmp_path, private_cache):
    cache = private_cache(cold=["snapshots", "zips"])
    plain = build(tmp_path, "plain", cache)
    salted = build(tmp_path, "salted", cache, "--salt", "of this build")
    assert plain != salted
    assert len(plain) == pytest.approx(len(salted), rel=0.05)
