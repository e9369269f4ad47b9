"""Which modules a program gets, and from where."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import pytest

from build_scripts import archive, contents, dependencies, extensions, log, project, resources
from build_scripts.modules import SharedObject, matches, scan

pytestmark = [
    pytest.mark.subprocesses,
    pytest.mark.skipif(
        sys.version_info < (3, 11), reason="code objects have another layout before 3.11"
    ),
]
PYTHON = {"python": Path(sys.executable), "python_key": sys.version, "log": log.quiet()}
HANDLER = "def handler(event, context):\n    return event\n"
RUNTIME = {
    "__init__.py": "",
    "cli.py": "",
    "errors.py": "",
    "core/nb_main.c": "",
    "runtime/__init__.py": "",
    "runtime/entry.py": "import json\nfrom native_bootstrap.runtime import loop\n",
    "runtime/importer.py": "",
    "runtime/loop.py": "def later():\n    import statistics\n",
    "runtime/snapshot/__init__.py": "",
    "runtime/snapshot/registry.py": "hooks = []\n",
}
STDLIB = {
    "encodings/__init__.py": "",
    "encodings/aliases.py": "",
    "encodings/utf_8.py": "",
    "encodings/ascii.py": "",
    "encodings/latin_1.py": "",
    "json/__init__.py": "import re\n",
    "re.py": "",
    "statistics.py": "",
    "email/__init__.py": "",
    "email/policy.py": "",
    "rare.py": "",
    "test/support.py": "",
    "tkinter/__init__.py": "",
}


def fill(folder, files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.fixture
def make(tmp_path):
    """``make(project files, dependency files)``: everything up to the archive's rows."""
    stdlib = fill(tmp_path / "stdlib", STDLIB)

    class Made:
        def __init__(self, files, site=None, shared=(), **options):
            folder = fill(tmp_path / "project", {"app.py": HANDLER, **files})
            modules = scan(fill(tmp_path / "site", site or {})).modules
            self.installed = dependencies.Dependencies(
                site=tmp_path / "site", packages=(), modules=modules, data=(), key=str(site)
            )
            self.project = project.load(folder, "app.handler", **PYTHON)
            self.stdlib = contents.compile_stdlib(stdlib, content="c", **PYTHON)
            package = fill(tmp_path / "native_bootstrap", RUNTIME)
            self.runtime = contents.compile_runtime(package, **PYTHON)
            self.site = contents.compile_dependencies(self.installed, **PYTHON)
            self.found = contents.collect(
                self.project,
                dependencies=self.site,
                runtime=self.runtime,
                stdlib=self.stdlib,
                builtin_names=frozenset(sys.builtin_module_names),
                shared=shared,
            )
            rows = contents.entries(
                self.found, project=self.project, dependencies=self.site, **options
            )
            self.rows = archive.read(archive.encode(rows, {}))

    return Made


def test_paths_and_origins(make):
    made = make({"pkg/mod.py": "", "space/x/y.py": ""}, {"lib/__init__.py": "", "ns/part.py": ""})
    rows = made.rows
    assert rows["app"].path == "app.py"
    assert rows["pkg.mod"].path == "pkg/mod.py"
    assert rows["lib"].path == "lib/__init__.py"
    assert rows["json"].path == "/var/lang/lib/python3.13/json/__init__.py"
    runtime = "native_bootstrap.runtime.entry"
    assert rows[runtime].path == "/var/runtime/native_bootstrap/runtime/entry.py"
    assert rows["lib"].flags & archive.PACKAGE
    for name in ("pkg", "space", "space.x", "ns"):
        assert rows[name].flags == archive.NAMESPACE
        assert rows[name].path == name.replace(".", "/")


def test_what_stays_out(make):
    rows = make({}).rows
    assert not {"test", "test.support", "tkinter"} & rows.keys()
    assert not {"native_bootstrap.cli", "native_bootstrap.errors"} & rows.keys()
    assert {"native_bootstrap", "native_bootstrap.runtime.loop"} <= rows.keys()


def test_code_used_at_start_is_stored_as_it_is(make):
    made = make(
        {
            "app.py": "import json, pkg.mod\ndef later():\n    import rare\n" + HANDLER,
            "pkg/mod.py": "",
            "pkg/other.py": "",
        }
    )
    deflated = {name for name, row in made.rows.items() if row.flags & archive.CODE_DEFLATED}
    assert {"rare", "statistics", "pkg.other"} <= deflated
    started = {
        "app",
        "pkg.mod",
        "json",
        "re",
        "encodings.utf_8",
        "native_bootstrap.runtime.importer",
    }
    assert not started & deflated
    row = made.rows["rare"]
    assert len(zlib.decompress(row.code)) == row.code_raw_length
    assert made.found.own == ("app", "pkg.mod")


def test_sources_of_the_users_code_only(make):
    made = make({"pkg/mod.py": "x = 1\n"}, {"lib.py": "y = 2\n"})
    assert zlib.decompress(made.rows["pkg.mod"].source[4:]) == b"x = 1\n"
    assert [name for name, row in made.rows.items() if row.source] == ["app", "pkg.mod"]


def test_no_sources(make):
    rows = make({}, strip_source=True).rows
    assert not [name for name, row in rows.items() if row.source]


def test_sources_of_everything_in_the_task(make):
    rows = make({}, {"lib.py": "y = 2\n"}, keep_sources=True).rows
    assert [name for name, row in rows.items() if row.source] == ["app", "lib"]


def test_compiled_modules_have_no_code(make):
    row = make({}, compiled=["app"]).rows["app"]
    assert row.flags == archive.COMPILED
    assert row.code == b""
    assert zlib.decompress(row.source[4:]).decode() == HANDLER


def test_the_task_comes_before_the_standard_library(make):
    made = make({"statistics.py": "mine = 1\n"}, {"email/__init__.py": "backport = 1\n"})
    assert made.rows["statistics"].path == "statistics.py"
    assert made.rows["email"].path == "email/__init__.py"
    assert "email.policy" not in made.rows, "no mixture of two packages"
    assert made.found.warnings == ()


def test_a_folder_without_init_hides_no_standard_package(make):
    made = make({"email/send.py": "", "email/policy.py": "", "rare/x.py": ""})
    stores = made.found.stores
    assert {
        n for n, store in stores.items() if store is made.stdlib and n[:5] in ("email", "rare")
    } == {
        *("email", "email.policy", "rare"),
    }
    assert stores["email.send"] is made.project.store
    assert "email" not in made.found.namespaces


def test_the_project_comes_before_its_dependencies(make):
    made = make({"lib.py": "mine = 1\n"}, {"lib.py": "theirs = 1\n", "lib2.py": ""})
    assert made.found.stores["lib"] is made.project.store
    assert made.found.stores["lib2"] is made.site


def test_what_the_runtime_has_loaded_comes_first(make):
    made = make({"json.py": "mine = 1\n"}, {"re.py": ""})
    assert made.rows["json"].path.startswith("/var/lang")
    assert made.rows["re"].path.startswith("/var/lang")
    assert any(warning.startswith("json.py is never imported") for warning in made.found.warnings)


def test_imports_that_nothing_answers(make):
    made = make({"app.py": "import gone, sys, lib, json\n" + HANDLER}, {"lib.py": "import nope\n"})
    assert [missing.name for missing in made.found.missing] == ["gone"]


def test_the_snapshot_hooks_are_there_as_in_the_managed_runtime(make):
    made = make({"app.py": "import snapshot_restore_py\n" + HANDLER})
    assert made.found.missing == ()
    row = made.rows["snapshot_restore_py"]
    assert row.path == "/var/runtime/snapshot_restore_py.py"
    assert row.code != made.rows["native_bootstrap.runtime.snapshot.registry"].code  # its own name
    assert "snapshot_restore_py" in made.found.at_start


def test_the_functions_own_snapshot_hooks_come_first(make):
    made = make({}, {"snapshot_restore_py.py": "theirs = 1\n"})
    assert made.found.stores["snapshot_restore_py"] is made.site


def test_vendored_code_is_not_compiled(make):
    made = make(
        {
            "app.py": "import lib\n" + HANDLER,
            "lib.py": "",
            "lib-1.0.dist-info/RECORD": "lib.py,,\n",
        }
    )
    assert made.found.own == ("app",)
    assert made.rows["lib"].source is None


def test_broken_files_are_not_in_the_archive(make):
    made = make({"broken.py": "print 'x'\n"}, {"template.py": "{{ name }}: !\n"})
    assert not {"broken", "template"} & made.rows.keys()
    (data,) = contents.uncompilable(made.installed, made.site)
    assert data.path == "template.py"


def test_same_input_same_archive(make):
    assert make({"x.py": ""}).rows == make({"x.py": ""}).rows


def shared(path, module="", package="dep 1.0", **more):
    return SharedObject(path=path, file=Path(), module=module, package=package, **more)


def test_extension_modules_are_rows_without_code(make):
    made = make(
        {"app.py": "import dep.fast, only.native\n" + HANDLER},
        {"dep/__init__.py": ""},
        [
            shared("dep/fast.abi3.so", "dep.fast"),
            shared("only/native.so", "only.native"),
            shared("dep.libs/libz-1.so.1"),
            shared("whole/__init__.so", "whole", is_package=True),
        ],
    )
    row = made.rows["dep.fast"]
    assert (row.flags, row.path, row.code) == (archive.EXTENSION, "dep/fast.abi3.so", b"")
    assert made.rows["whole"].flags == archive.EXTENSION | archive.PACKAGE
    assert made.rows["only"].flags == archive.NAMESPACE
    assert "dep.libs" not in made.rows
    assert made.found.missing == ()


def test_an_extension_module_hides_the_source_beside_it(make):
    made = make(
        {"app.py": "import dep.twin\n" + HANDLER},
        {"dep/__init__.py": "", "dep/twin.py": "import rare\n", "dep/pkg/__init__.py": ""},
        [shared("dep/twin.so", "dep.twin"), shared("dep/pkg.so", "dep.pkg")],
    )
    assert made.rows["dep.twin"].flags == archive.EXTENSION
    assert made.rows["dep.pkg"].path == "dep/pkg/__init__.py"  # a package comes before both
    assert "rare" in made.found.at_start  # the source tells what the extension module imports


def test_what_is_excluded_of_dependencies_is_named_with_its_folder():
    theirs = [shared("dep/a.so"), shared("dep/lib/b.so"), shared("c.so")]
    own = [shared("c.so", package="")]
    kept = extensions.merge(theirs, own, ["*.so", "lib", "dep/a*", "/c.so", "docs/"])
    assert [(item.path, item.package) for item in kept] == [
        ("dep/lib/b.so", "dep 1.0"),
        ("c.so", ""),
    ]


def test_the_projects_own_extension_module_is_not_compiled(make):
    files = {"app.py": "import mine\n" + HANDLER, "mine.py": "", "theirs.py": ""}
    objects = [
        shared("mine.so", "mine", package=""),
        shared("theirs.so", "theirs"),
        shared("json.so", "json"),
    ]
    made = make(files, shared=objects)
    assert made.found.own == ("app",)
    assert made.rows["mine"].flags == archive.EXTENSION
    assert made.rows["theirs"].path == "theirs.py"  # the project's files come first
    assert made.rows["json"].path.startswith("/var/lang/")  # the runtime needs its own


def test_words_of_whoever_asks_for_symbols(make):
    made = make(
        {},
        {"dep.py": "import ctypes\nctypes.pythonapi.Py_IncRef\n", "other.py": "Py_DecRef = 1\n"},
    )
    assert "Py_IncRef" in made.found.looked_up
    assert "Py_DecRef" not in made.found.looked_up
    assert not made.found.uses_ctypes
    assert make({"app.py": "import ctypes\n" + HANDLER}).found.uses_ctypes


def test_pydoc_gets_the_pager_that_it_imports():
    """scipy and pyarrow import pydoc, which imports this one module of the interactive prompt."""
    patterns = resources.load("stdlib")["exclude"]
    kept = ("_pyrepl", "_pyrepl/__init__.py", "_pyrepl/pager.py", "pydoc.py", "tty.py")
    assert not [path for path in kept if matches(path, patterns)]
    left = ("_pyrepl/main.py", "_pyrepl/__main__.py", "_pyrepl/_minimal_curses.py", "curses")
    assert all(matches(path, patterns) for path in left)
