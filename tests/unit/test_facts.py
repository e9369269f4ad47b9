"""What the syntax tree tells about a module."""

from __future__ import annotations

import ast

import pytest

from build_scripts.sources import facts
from build_scripts.sources.facts import FALLBACK, GUARDED, RERAISED, TOP, TYPING


def read(text, name="pkg.mod", is_package=False):
    return facts.read(ast.parse(text), name, is_package)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("import a", TOP),
        ("def f():\n    import a", 0),
        ("class C:\n    import a", TOP),
        ("f = lambda: __import__('a')", FALLBACK),
        ("try:\n    import a\nexcept ImportError:\n    pass", TOP | GUARDED),
        ("try:\n    import a\nexcept (KeyError, ModuleNotFoundError):\n    b = 1", TOP | GUARDED),
        ("try:\n    import a\nexcept:\n    pass", TOP | GUARDED),
        ("try:\n    import a\nexcept KeyError:\n    pass", TOP),
        ("try:\n    import a\nexcept ImportError as e:\n    raise X from e", TOP | RERAISED),
        ("try:\n    b = 1\nexcept ImportError:\n    import a", TOP | FALLBACK),
        ("if X:\n    import a", TOP | FALLBACK),
        ("if TYPE_CHECKING:\n    import a", TOP | TYPING),
        ("if typing.TYPE_CHECKING:\n    import a", TOP | TYPING),
        ("if TYPE_CHECKING:\n    b = 1\nelse:\n    import a", TOP),
        ("import importlib\nimportlib.import_module('a')", TOP | FALLBACK),
    ],
)
def test_when_an_import_runs(text, flags):
    found = [(module, given) for module, _, given in read(text).imports if module == "a"]
    assert found == [("a", flags)]


@pytest.mark.parametrize(
    ("text", "is_package", "wanted"),
    [
        ("from . import x", False, ("pkg", ["x"])),
        ("from .other import x, y", False, ("pkg.other", ["x", "y"])),
        ("from .other import x", True, ("pkg.mod.other", ["x"])),
        ("from .. import x", True, ("pkg", ["x"])),
        ("from a.b import *", False, ("a.b", [])),
        (
            "from importlib import import_module as m\nimport_module('.z', __package__)",
            False,
            ("pkg.z", []),
        ),
    ],
)
def test_relative_imports_become_absolute(text, is_package, wanted):
    assert wanted in [
        (module, names) for module, names, _ in read(text, "pkg.mod", is_package).imports
    ]


def test_an_import_above_the_top_is_dropped():
    assert read("from ... import x", "pkg.mod").imports == []


@pytest.mark.parametrize(
    "text",
    [
        "handler = 1",
        "handler: object = 1",
        "def handler(): pass",
        "async def handler(): pass",
        "class handler: pass",
        "import x as handler",
        "from x import handler",
        "from x import y as handler",
        "if x:\n    handler = 1",
        "try:\n    pass\nfinally:\n    handler = 1",
        "for handler in x: pass",
        "with x as handler: pass",
        "(a, [b, *handler]) = x",
        "(handler := 1)",
        "match x:\n    case {'a': [handler]}: pass",
        "match x:\n    case {'a': 1, **handler}: pass",
        "def f():\n    global handler\n    handler = 1",
    ],
)
def test_names_bound_at_the_top(text):
    known = read(text)
    assert "handler" in known.defined
    assert not known.is_dynamic


@pytest.mark.parametrize(
    "text", ["def f():\n    handler = 1", "class C:\n    handler = 1", "x.handler = 1", "handler"]
)
def test_names_bound_elsewhere(text):
    assert "handler" not in read(text).defined


@pytest.mark.parametrize(
    "text",
    [
        "from x import *",
        "def __getattr__(name): pass",
        "globals()['handler'] = 1",
        "exec('handler = 1')",
        "import sys\nsetattr(sys.modules[__name__], 'handler', 1)",
        "import sys\nsys.modules[__name__].__dict__['handler'] = 1",
    ],
)
def test_dynamic_modules_are_not_judged(text):
    assert read(text).is_dynamic


def test_a_relative_import_binds_the_submodule_in_a_package():
    assert "sub" in read("from .sub import x", "pkg", is_package=True).defined
    assert "sub" not in read("from .sub import x", "pkg.mod").defined


@pytest.mark.parametrize(
    ("source", "message", "offset"),
    [
        (b'x = "\xe9"\n', "byte 0xe9 at offset 5 is not utf-8", 5),
        (b'# one\n# two\n# three\nx = "\xff"\n', "byte 0xff at offset 25 is not utf-8", 25),
        (b'\xef\xbb\xbfx = "\xe9"\n', "byte 0xe9 at offset 8 is not utf-8", 8),
        (b'# coding: ascii\nx = "\xc3\xa9"\n', "byte 0xc3 at offset 21 is not ascii", 21),
        (b"# coding: nonsense\n", "unknown encoding: nonsense", 0),
    ],
)
def test_undecodable_sources(source, message, offset):
    problem = facts.parse(source, "app.py")
    assert isinstance(problem, facts.Problem)
    assert (problem.kind, problem.message, problem.offset) == ("encoding", message, offset)


@pytest.mark.parametrize(
    "source",
    [
        '# -*- coding: latin-1 -*-\nx = "é"\n'.encode("latin-1"),
        '#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = "€"\n'.encode("cp1252"),
        "\ufeffx = 'é'\n".encode(),
        "x = 'é'\r\n".encode(),
        b"",
    ],
)
def test_declared_encodings_are_honoured(source):
    assert not isinstance(facts.parse(source, "app.py"), facts.Problem)


def test_syntax_errors_read_like_the_import_systems():
    problem = facts.parse(b"x = 1\nreturn x\n", "pkg/app.py")
    assert isinstance(problem, facts.Problem)
    assert problem.message == "'return' outside function (app.py, line 2)"
    assert (problem.line, problem.text) == (2, "return x\n")


def test_a_null_byte_is_a_syntax_problem():
    problem = facts.parse(b"x = 1\n\0\n", "app.py")
    assert isinstance(problem, facts.Problem)
    assert "null bytes" in problem.message


def test_facts_survive_json():
    known = read("from a import b\ndef f(): pass")
    assert facts.Facts.from_json(known.to_json()) == known
    broken = facts.Facts(problem=facts.Problem(kind="syntax", message="m", line=1, offset=2))
    assert facts.Facts.from_json(broken.to_json()) == broken
