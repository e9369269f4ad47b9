"""The project stage: what is taken, what is left out, what is told in advance."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from wheels import make_elf

from build_scripts import log, project, targets
from native_bootstrap.errors import (
    BuiltinConflictError,
    HandlerModuleError,
    HandlerNotFoundError,
    MalformedHandlerError,
    ProjectNotFoundError,
    ShadowedNameError,
    SharedObjectError,
    UserSyntaxError,
)

HANDLER = "def handler(event, context):\n    return event\n"
X86 = targets.find("x86_64")
BUILTIN = frozenset({"math", "zlib", "sys"})


def make(folder, **files):
    for name, text in {"app.py": HANDLER, **files}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def load(folder, handler="app.handler", **options):
    return project.load(folder, handler, log=log.quiet(), builtin_names=BUILTIN, **options)


def names(found):
    return [module.name for module in found.modules]


def paths(found):
    return [data.path for data in found.data]


def test_no_such_folder(tmp_path):
    with pytest.raises(ProjectNotFoundError, match="no such project folder"):
        load(tmp_path / "gone")


@pytest.mark.parametrize(
    ("text", "module", "function"),
    [
        ("app.handler", "app", "handler"),
        ("pkg.app.handler", "pkg.app", "handler"),
        ("pkg/app.handler", "pkg.app", "handler"),
        ("a-b/app.main", "a-b.app", "main"),
    ],
)
def test_handler_names(text, module, function):
    found = project.parse_handler(text)
    assert (found.module, found.function, found.text) == (module, function, text)


@pytest.mark.parametrize("text", ["", "app", "app.", ".handler", "a..b", "/app.handler", "."])
def test_malformed_handlers(text):
    with pytest.raises(MalformedHandlerError, match="Bad handler"):
        project.parse_handler(text)


def test_names_of_builtin_modules(tmp_path):
    make(tmp_path, **{"sys.py": HANDLER})
    for handler in ("sys.handler", "sys.deeper.handler", "time/x.handler"):
        with pytest.raises(BuiltinConflictError, match="Cannot use built-in module"):
            load(tmp_path, handler)


@pytest.mark.parametrize(
    ("handler", "message", "hint"),
    [
        ("ap.handler", "No module named 'ap'", "did you mean app?"),
        ("lib.gone.f", "No module named 'lib.gone'", ""),
        ("gone.mod.f", "No module named 'gone'", ""),
        ("app.sub.f", "No module named 'app.sub'; 'app' is not a package", ""),
        ("space.f", "it is a folder without __init__.py", "folder/module.function"),
    ],
)
def test_missing_modules(tmp_path, handler, message, hint):
    make(tmp_path, **{"lib/__init__.py": "", "space/mod.py": HANDLER})
    with pytest.raises(HandlerModuleError) as caught:
        load(tmp_path, handler)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_handler_may_come_from_a_requirement(tmp_path):
    make(tmp_path)
    site = make(tmp_path / "site", **{"framework.py": HANDLER})
    found = load(tmp_path / "site", "framework.handler")
    assert found.handler.module == "framework"
    outside = load(make(tmp_path / "p"), "framework.handler", has_dependencies=True)
    project.check_handler(outside, site=site)
    with pytest.raises(HandlerModuleError):
        project.check_handler(outside, site=tmp_path / "p")


@pytest.mark.parametrize("kind", ["handler = make()\n", "from x import *\n", "exec('x')\n"])
def test_attributes_that_may_be_there(tmp_path, kind):
    load(make(tmp_path, **{"app.py": kind}))


def test_attributes_that_are_not(tmp_path):
    make(tmp_path, **{"app.py": "def main(e, c): pass\nclass C:\n    handler = 1\n"})
    with pytest.raises(HandlerNotFoundError, match="Handler 'handler' missing on module 'app'"):
        load(tmp_path)


def test_a_handler_in_a_file_that_python_has_already(tmp_path):
    make(tmp_path, **{"json.py": HANDLER})
    with pytest.raises(HandlerNotFoundError, match="Handler 'handler' missing on module 'json'"):
        load(tmp_path, "json.handler")
    (warning,) = load(tmp_path).warnings
    assert warning.startswith("json.py is never imported")


@pytest.mark.parametrize(
    "path",
    ["native_bootstrap/x.py", "_nb_client.py", "zlib.py", "bootstrap/x.py", "zlib/__init__.py"],
)
def test_names_that_the_program_needs(tmp_path, path):
    with pytest.raises(ShadowedNameError) as caught:
        load(make(tmp_path, **{path: ""}))
    assert "rename" in caught.value.hint


@pytest.mark.parametrize("path", ["pkg/zlib.py", "bootstrap.py", "statistics.py"])
def test_names_that_are_fine(tmp_path, path):
    assert not load(make(tmp_path, **{path: ""})).warnings


def test_files_of_a_usual_project(tmp_path):
    make(
        tmp_path,
        **dict.fromkeys(
            (
                "data/table.csv", "templates/hello.html", "LICENSE", "config.yaml", "bin/tool",
                ".env", ".git/config", "tests/test_app.py", "tests/event.json", "README.md",
                "requirements.txt", "template.yaml", "node_modules/x/y.js", "dist/app/bootstrap",
                "pkg/docs/note.txt", "bootstrap", "old.pyc", "Dockerfile", "pyproject.toml",
            ),
            "",
        ),
    )  # fmt: skip
    found = load(tmp_path)
    assert names(found) == ["app"]
    assert paths(found) == [
        "LICENSE",
        "bin/tool",
        "config.yaml",
        "data/table.csv",
        "pkg/docs/note.txt",
        "templates/hello.html",
    ]


def test_virtual_environments_stay_out(tmp_path):
    make(tmp_path, **{"myenv/pyvenv.cfg": "", "myenv/lib/x.py": "", "myenv/x.json": ""})
    found = load(tmp_path)
    assert names(found) == ["app"]
    assert paths(found) == []


def test_patterns_of_the_user(tmp_path):
    make(tmp_path, **{"docs/api/a.md": "", "docs/b.md": "", "big/model.bin": "", ".secret": ""})
    found = load(tmp_path, include=["docs/api", ".secret", "nothing*"], exclude=["*.bin"])
    assert paths(found) == [".secret", "docs/api/a.md"]
    assert found.warnings == ("the include pattern 'nothing*' matches no file",)


def test_the_output_folder_stays_out(tmp_path):
    make(tmp_path, **{"result/bootstrap.debug": "", "result/function.zip": ""})
    assert paths(load(tmp_path, output=tmp_path / "result")) == []
    assert paths(load(tmp_path, output=tmp_path.parent)) != []


def test_a_handler_in_a_folder_that_is_usually_left_out(tmp_path):
    make(tmp_path, **{"tests/app.py": "from tests import util\n" + HANDLER, "tests/util.py": ""})
    assert names(load(tmp_path, "tests/app.handler")) == ["app", "tests.app", "tests.util"]


def test_extension_modules_of_the_project(tmp_path):
    files = {
        "fast.cpython-313-x86_64-linux-musl.so": make_elf(needed=("libhelp.so.1",)),
        "lib/libhelp.so.1": make_elf(),
        "lib/foreign.so": make_elf(needed=("libc.so.6",)),
    }
    found = load(make(tmp_path, **files), target=X86)
    assert [(item.path, item.module) for item in found.shared_objects] == [
        ("fast.cpython-313-x86_64-linux-musl.so", "fast"),
        ("lib/libhelp.so.1", ""),
    ]
    assert paths(found) == ["lib/foreign.so"]
    assert found.warnings == (
        "lib/foreign.so is built for glibc (it needs GLIBC_2.17 of libc.so.6): it stays a file",
    )


def test_extension_modules_for_other_pythons_are_left_out(tmp_path):
    others = ("fast.cpython-313-x86_64-linux-gnu.so", "fast.cpython-312-x86_64-linux-musl.so")
    found = load(make(tmp_path, **{name: make_elf() for name in (*others, "a.dylib")}), target=X86)
    assert (paths(found), found.shared_objects) == ([], ())
    assert "fast.cpython-313-x86_64-linux-gnu.so is left out: it is for another" in str(
        found.warnings
    )
    assert len(found.warnings) == 3, found.warnings


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (make_elf(machine=183), "is for aarch64, the function runs on x86_64"),
        (make_elf(needed=("libc.so.6",)), "is built for glibc"),
        (make_elf(needed=("libnowhere.so.2",)), "needs libnowhere.so.2, which nobody brings"),
        (make_elf()[:-1], "is cut off"),
        (b"", "is empty"),
        (b"#!/bin/sh", "is no ELF file"),
    ],
)
def test_extension_modules_that_cannot_be_loaded(tmp_path, content, reason):
    name = "pkg/fast.cpython-313-x86_64-linux-musl.so"
    with pytest.raises(SharedObjectError, match=f"^{name} {reason}") as caught:
        load(make(tmp_path, **{name: content}), target=X86)
    assert "build it for musl on x86_64" in caught.value.hint
    assert load(tmp_path, target=X86, exclude=[name]).warnings == ()


@pytest.mark.parametrize("is_optional", [True, False])
def test_a_package_that_was_installed_for_glibc(tmp_path, is_optional):
    source = "try:\n    from ._fast import *\nexcept ImportError:\n    x = 1\n"
    files = {
        "opt/__init__.py": source if is_optional else "from ._fast import *\n",
        "opt/_fast.cpython-313-x86_64-linux-gnu.so": make_elf(needed=("libc.so.6",)),
    }
    record = "".join(f"{path},sha256=x,1\n" for path in files)
    make(tmp_path, **files, **{"opt-2.0.dist-info/RECORD": record})
    if is_optional:
        assert "is left out" in load(tmp_path, target=X86).warnings[0]
        return
    with pytest.raises(
        SharedObjectError, match=r"opt 2\.0 was installed into the project"
    ) as caught:
        load(tmp_path, target=X86)
    assert "remove it from the folder and name opt in requirements.txt" in caught.value.hint


def test_what_an_installer_put_there_is_not_the_users_code(tmp_path):
    record = "lib/__init__.py,sha256=x,0\nsix.py,,\nlib-1.0.dist-info/RECORD,,\n../bin/x,,\n"
    make(
        tmp_path,
        **{"lib/__init__.py": "", "six.py": "", "lib-1.0.dist-info/RECORD": record},
    )
    found = load(tmp_path)
    assert found.vendored == {"lib", "six"}
    assert names(found) == ["app", "lib", "six"]


def compiled(folder, handler="app.handler", **options):
    return load(folder, handler, python=Path(sys.executable), python_key=sys.version, **options)


@pytest.mark.subprocesses
def test_bytecode_and_sources(tmp_path):
    make(tmp_path, **{"pkg/mod.py": "x = 1\n", "statistics.py": ""})
    found = compiled(tmp_path)
    assert set(found.store.modules) == {"app", "pkg.mod", "statistics"}
    assert all(module.raw and module.source for module in found.store.modules.values())
    assert found.key
    (tmp_path / "app.py").write_text(HANDLER + "y = 2\n")
    assert compiled(tmp_path).key != found.key


@pytest.mark.subprocesses
def test_errors_in_what_the_handler_imports(tmp_path):
    make(tmp_path, **{"app.py": "from pkg import mod\n" + HANDLER, "pkg/mod.py": "def f(:\n"})
    with pytest.raises(UserSyntaxError) as caught:
        compiled(tmp_path)
    assert "Syntax error in module 'app': invalid syntax (mod.py, line 1)" in caught.value.message
    assert f'File "{tmp_path}/pkg/mod.py" Line 1\n    def f(:' in caught.value.message


@pytest.mark.subprocesses
@pytest.mark.parametrize(
    "how",
    [
        "",
        "def f():\n    import broken\n",
        "try:\n    import broken\nexcept Exception:\n    x = 1\n",
    ],
)
def test_broken_files_that_nothing_needs_travel_as_they_are(tmp_path, how):
    make(tmp_path, **{"app.py": how + HANDLER, "broken.py": "print 'old'\n"})
    found = compiled(tmp_path)
    assert paths(found) == ["broken.py"]
    assert found.store.modules["broken"].raw is None


def test_without_a_target_python_only_certain_errors_count(tmp_path, monkeypatch):
    make(tmp_path, **{"app.py": "def f(:\n"})
    monkeypatch.setattr(project, "TARGET_VERSION", (2, 7))
    assert load(tmp_path).facts == {}
    monkeypatch.setattr(project, "TARGET_VERSION", sys.version_info[:2])
    with pytest.raises(UserSyntaxError):
        load(tmp_path)
