"""Packages with compiled parts, imported and used in one program, snapshotted and not.

NB_TEST_COMPATIBILITY_EVERY=1 tries all that the compatibility run knows: hours, and whatever the
package index has today. Its outcome is in docs/compatibility.md.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from compat_build import WAYS, ask, build, deferral
from compat_cases import groups, load

# Of each kind: C, C++, Cython, Rust, CFFI; with libraries of their own (OpenBLAS, libxml2, libyaml,
# libpq, libuv, OpenSSL).
FAST = (
    *("numpy", "orjson", "pydantic", "lxml", "cryptography", "pyyaml", "markupsafe", "msgspec"),
    *("psycopg2-binary", "uvloop", "greenlet", "rapidfuzz"),
)
IMAGE = {"numpy", "orjson", "pydantic", "lxml", "msgspec"}  # what has to be initialised at build
EVERY = bool(os.environ.get("NB_TEST_COMPATIBILITY_EVERY"))
CASES = load()
GROUPS = groups(CASES) if EVERY else [tuple(case for case in CASES if case.package in FAST)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0].package)
def test_packages_work(group, tmp_path):
    built = build(group, tmp_path, os.environ.get("NB_TEST_ARCH", "x86_64"))
    if "has compiled parts and no musllinux wheel" in built.problem:
        pytest.skip(built.problem.splitlines()[0])
    assert built.problem == ""
    for way in WAYS:
        answers = ask(built, group, way)
        assert {name: found for name, found in answers.items() if not found["works"]} == {}
        assert not any(found["fell_back"] for found in answers.values())
    deferred = {case.package: deferral(built.report, case.module) for case in group}
    assert {name: deferred[name] for name in IMAGE & set(deferred)} == dict.fromkeys(
        IMAGE & set(deferred), ""
    )
