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


def test_a_module_hides_the_folder_beside_it(tmp_path):
    make(tmp_path, "x.py", "x/y.py", "x/z/deep.py")
    found = modules.namespace_packages(modules.scan(tmp_path).modules)
    assert found == {"x.z": "x/z"}


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


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pkg/x.cpython-313-x86_64-linux-musl.so", "pkg.x"),
        ("pkg/x.abi3.so", "pkg.x"),
        ("pkg/x.so", "pkg.x"),
        ("x.so", "x"),
        ("pkg/sub/__init__.abi3.so", "pkg.sub"),
        ("pkg.libs/libfoo.so.1", None),
        ("pkg.libs/libfoo.so", None),
        ("pkg/libfoo.so.1", None),
        ("pkg/x.cpython-312-x86_64-linux-musl.so", None),
        ("pkg/x.cpython-313-x86_64-linux-gnu.so", None),
        ("pkg/x.cpython-313-aarch64-linux-musl.so", None),
        ("pkg/x.cpython-313t-x86_64-linux-musl.so", None),
        ("__init__.so", None),
        (".so", None),
    ],
)
def test_what_an_extension_module_is_imported_as(path, name):
    found = modules.extension_name(path, "x86_64")
    assert (found[0] if found else None) == name


def test_of_two_files_for_one_module_the_first_suffix_wins(tmp_path):
    paths = (
        "a.abi3.so", "a.cpython-313-x86_64-linux-musl.so", "a.so", "b.so", "b/__init__.so",
        "lib.libs/libx.so.1",
    )  # fmt: skip
    make(tmp_path, *paths)
    files = [modules.DataFile(path=path, file=tmp_path / path) for path in paths]
    found = modules.shared_objects(files, "x86_64", {"a.so": "a 1"})
    assert [item.path for item in found] == sorted(paths)
    assert {item.module: item.path for item in found if item.module} == {
        "a": "a.cpython-313-x86_64-linux-musl.so",
        "b": "b/__init__.so",
    }
    assert [item.path for item in found if item.is_package] == ["b/__init__.so"]
    assert [item.package for item in found if item.path == "a.so"] == ["a 1"]


@pytest.mark.parametrize(
    ("path", "foreign"),
    [
        ("x.cpython-312-x86_64-linux-musl.so", True),
        ("x.cpython-313-x86_64-linux-gnu.so", True),
        ("x.cpython-313-aarch64-linux-musl.so", True),
        ("x.cp312-win_amd64.so", True),
        ("x.pypy310-pp73-x86_64-linux-gnu.so", True),
        ("x.cpython-313-x86_64-linux-musl.so", False),
        ("x.abi3.so", False),
        ("libx.so", False),
        ("libx.so.1", False),
    ],
)
def test_files_for_another_python(path, foreign):
    assert modules.is_foreign(path, "x86_64") == foreign
