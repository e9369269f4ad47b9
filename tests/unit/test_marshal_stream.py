"""Canonical marshal streams: equal code, equal bytes, whatever else the process holds."""

from __future__ import annotations

import json
import marshal
import sys
from pathlib import Path

import pytest

from build_scripts.sources.marshal_stream import canonical

STDLIB = Path(json.__file__).parents[1]
MODULES = ["json/decoder.py", "argparse.py", "typing.py", "dataclasses.py", "http/__init__.py"]
pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="code objects have another layout before 3.11"
)


def compiled(text, name="x.py"):
    return compile(text, name, "exec", dont_inherit=True)


@pytest.fixture(scope="module", params=MODULES)
def source(request):
    return STDLIB / request.param


def test_the_object_is_the_same(source):
    code = compiled(source.read_bytes(), str(source))
    assert marshal.loads(canonical(marshal.dumps(code))) == code


def test_canonical_is_idempotent(source):
    stream = canonical(marshal.dumps(compiled(source.read_bytes())))
    assert canonical(stream) == stream
    assert canonical(marshal.dumps(marshal.loads(stream))) == stream


def test_references_held_elsewhere_do_not_matter(source):
    text = source.read_bytes()
    alone = canonical(marshal.dumps(compiled(text)))
    code = compiled(text)
    held = [code, code.co_consts, code.co_names, *code.co_consts, *code.co_names]
    plain = marshal.dumps(code)
    assert canonical(plain) == alone
    del held


def test_the_plain_streams_do_differ():
    """The reason for all this: if it stops being true, the module can go."""
    text = "def f():\n    return ('never', 'seen', 'before')\n"
    first = marshal.dumps(compiled(text))
    code = compiled(text)
    held = [code.co_consts[0].co_consts]
    assert marshal.dumps(code) != first
    assert canonical(marshal.dumps(code)) == canonical(first)
    del held


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        ...,
        0,
        -1,
        2**31,
        -(2**200),
        1.5,
        float("inf"),
        2 - 3j,
        b"",
        b"\xff" * 300,
        "",
        "a",
        "é",
        "\ud800",
        "x" * 300,
        (),
        (1, (2, (3,))),
        tuple(range(300)),
        [1, [2]],
        frozenset({"a", "b", ("c", 1)}),
        {1, 2},
    ],
    ids=repr,
)
def test_values(value):
    assert marshal.loads(canonical(marshal.dumps(value))) == value


def test_sets_are_sorted_by_content():
    one = marshal.dumps(frozenset(["alpha", "beta", "gamma"]))
    held = ["alpha", "gamma"]
    two = marshal.dumps(frozenset(["gamma", "beta", "alpha"]))
    assert canonical(one) == canonical(two)
    del held


@pytest.mark.parametrize("bad", [b"(", b"\xe3", b"?", b"NN", b"z\x05ab"])
def test_damaged_streams_are_refused(bad):
    with pytest.raises((ValueError, IndexError)):
        canonical(bad)
