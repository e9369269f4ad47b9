"""Finding modules and data files; patterns."""

from __future__ import annotations

import pytest

from build_scripts import modules


def make(folder, *paths):
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    return folder


def test_what_can_be_imported(tmp_path):
    make(
        tmp_path, "app.py", "pkg/__init__.py", "pkg/mod.py", "plain/mod.py", "with-dash/mod.py",
        "__init__.py", "a.b.py", "x.dist-info/y.py", "pkg/data.json", "pkg/__pycache__/mod.pyc",
    )  # fmt: skip
    tree = modules.scan(tmp_path)
    assert [module.name for module in tree.modules] == [
        "app", "pkg", "pkg.mod", "plain.mod", "with-dash.mod",
    ]  # fmt: skip
    assert [module.is_package for module in tree.modules] == [False, True, False, False, False]
    others = ["__init__.py", "a.b.py", "pkg/data.json", "x.dist-info/y.py"]
    assert [other.path for other in tree.others] == others


def test_a_package_wins_over_a_module_of_its_name(tmp_path):
    make(tmp_path, "x.py", "x/__init__.py")
    (found,) = modules.scan(tmp_path).modules
    assert found.path == "x/__init__.py"


def test_links_are_followed_once(tmp_path):
    make(tmp_path, "shared/util.py", "function/app.py")
    (tmp_path / "function/common").symlink_to(tmp_path / "shared")
    (tmp_path / "function/loop").symlink_to(tmp_path / "function")
    names = [module.name for module in modules.scan(tmp_path / "function").modules]
    assert names == ["app", "common.util"]


def test_a_dangling_link_is_no_file(tmp_path):
    make(tmp_path, "app.py")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    assert modules.scan(tmp_path).others == ()


def test_namespace_packages(tmp_path):
    make(tmp_path, "a/b/c.py", "a/b/d/__init__.py", "top.py", "p/__init__.py", "p/q/r.py")
    found = modules.namespace_packages(modules.scan(tmp_path).modules)
    assert found == {"a": "a", "a.b": "a/b", "p.q": "p/q"}


@pytest.mark.parametrize(
    ("path", "pattern", "wanted"),
    [
        ("a/.git/x", ".*", True),
        ("a/b.pyc", "*.pyc", True),
        ("tests/x.py", "/tests", True),
        ("a/tests/x.py", "/tests", False),
        ("tests", "/tests", True),
        ("docs/api/x.md", "docs/api", True),
        ("docs/api/x.md", "docs/api/", True),
        ("docs/x.md", "docs/api", False),
        ("a/docs/api", "docs/api", False),
        ("a/b/c.txt", "a/*.txt", True),
        ("node_modules/x/y.js", "node_modules", True),
        ("node_modules2/y.js", "node_modules", False),
        ("README.md", "/README*", True),
        ("pkg/README.md", "/README*", False),
    ],
)
def test_patterns(path, pattern, wanted):
    assert modules.matches(path, [pattern]) is wanted
