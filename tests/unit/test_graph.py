"""The import graph."""

from __future__ import annotations

import ast

from build_scripts import graph
from build_scripts.sources import facts


def known(**sources):
    return {
        name.replace("__", "."): facts.read(ast.parse(text), name.replace("__", "."), not text)
        for name, text in sources.items()
    }


def test_imports_at_start_and_later():
    facts_of = known(
        app="import a\ndef f():\n    import b", a="from p.q import r", b="import c", c="",
        p="", p__q="", p__q__r="", unused="",
    )  # fmt: skip
    walked = graph.walk(["app"], facts_of)
    assert walked.at_start == {"app", "a", "p", "p.q", "p.q.r"}
    assert walked.reachable == walked.at_start | {"b", "c"}


def test_imports_for_type_checkers_do_not_count():
    facts_of = known(app="if TYPE_CHECKING:\n    import a", a="")
    assert graph.walk(["app"], facts_of).reachable == {"app"}


def test_cycles_end():
    assert graph.walk(["a"], known(a="import b", b="import a")).at_start == {"a", "b"}


def test_missing_modules():
    facts_of = known(
        app="import gone, os.path, here.nothing, pkg.nothing\n"
        "try:\n    import perhaps\nexcept ImportError:\n    perhaps = None\n"
        "if x:\n    import windows\n"
        "def f():\n    import later\n"
        "from six.moves import urllib",
        os="", here="", six="", pkg="",
    )  # fmt: skip
    found = graph.missing(["app", "pkg"], facts_of, frozenset())
    assert [missing.name for missing in found] == ["gone", "pkg.nothing"]
    text = "Unable to import module 'app': No module named 'gone'"
    assert found[0].message.startswith(text)


def test_boto3_is_explained():
    (found,) = graph.missing(["app"], known(app="import boto3"), frozenset())
    assert "provided.al2023 does not" in found.message


def test_builtin_modules_are_provided():
    assert graph.missing(["app"], known(app="import sys"), frozenset({"sys"})) == ()


def test_a_package_by_its_file_name_is_the_package():
    facts_of = known(app="import pkg.sub", pkg="", pkg__sub="import pkg.__init__")
    assert graph.walk(["app"], facts_of).at_start == {"app", "pkg", "pkg.sub"}
    assert not graph.missing(["app", "pkg", "pkg.sub"], facts_of, frozenset())
