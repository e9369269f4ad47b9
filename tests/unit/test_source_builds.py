"""What is compiled from source, what a failed build says, and the lines that such packages have."""

from __future__ import annotations

import os

import pytest

from build_scripts import local_sources, pins, requirements, source_builds
from build_scripts.snapshot import settings_sources
from native_bootstrap.errors import ToolError


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (
            "error: Failed to build `x==1`\n  cause: The build backend returned an error\n"
            "[stdout]\ncopying src/x/error.py -> build/x\n[stderr]\n"
            "/cache/compiled/k/sdists-v11/pypi/x/1/Ab/src/src/x/x.h:23:10: fatal error: "
            "'lib/x.h' file not found\n1 error generated.\nerror: command 'nb-cc' failed\n",
            "x/x.h:23:10: fatal error: 'lib/x.h' file not found",
        ),
        (
            "ld.lld: error: unable to find library -lpq\n",
            "ld.lld: error: unable to find library -lpq",
        ),
        ("  error: pg_config executable not found.\n", "error: pg_config executable not found."),
        ("error: Failed to build `x`\n  cause: exit status: 1\n", ""),
        (
            "error: Failed to build `x`\n  cause: exit status: 1\n\n  [stderr]\n  Traceback\n"
            "  SystemExit: set FOO\n\nhint: Build failures usually …\n",
            "SystemExit: set FOO",
        ),
    ],
)
def test_the_line_that_says_why(output, line):
    assert source_builds.reason_of(output) == line


def test_sources_that_are_not_tried():
    assert not source_builds.is_promising("opencv-python")
    assert source_builds.is_promising("lz4")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("--no-binary scikit-learn", True),
        ("--no-binary=other,Scikit_Learn", True),
        ("--no-binary :all:", True),
        ("--no-binary scikit", False),
        ("--only-binary scikit-learn", False),
    ],
)
def test_sources_that_are_asked_for(tmp_path, line, wanted):
    (tmp_path / "requirements.txt").write_text(f"{line}\nscikit-learn\n")
    assert requirements.find(tmp_path).wants_source_of("scikit-learn") is wanted


def test_packages_that_are_given_by_their_place(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "a library").mkdir()
    (tmp_path / "tool-1.0.tar.gz").touch()
    (project / "requirements.txt").write_text("../a library\n")
    request = requirements.find(project)
    text = (
        "# comment\n"
        "../a library        # via -r requirements.txt\n"
        "-e ../tool-1.0.tar.gz  # via other\n"
        "Some_Name[extra] @ file:///elsewhere/x  # via -r requirements.txt\n"
        "pure==1.0\n"
    )
    found = pins._pins(text, request)
    url = (tmp_path / "a library").as_uri()
    assert found.lines == {
        url: url,
        (tmp_path / "tool-1.0.tar.gz").as_uri(): (tmp_path / "tool-1.0.tar.gz").as_uri(),
        "some-name": "Some_Name[extra] @ file:///elsewhere/x",
        "pure": "pure==1.0",
    }
    assert found.versions == {"pure": "1.0"}
    named = found.named("library", url)
    assert named.lines["library"] == url
    assert url not in named.lines
    assert found.named("other", "").lines == found.lines


def folder_of(path, text):
    path.mkdir()
    (path / "pyproject.toml").write_text(text)
    (path / "module.py").write_text("x = 1\n")
    return path


def test_what_stands_for_a_local_folder(tmp_path):
    folder = folder_of(tmp_path / "lib", '[project]\nname = "my-lib"\n')
    first = local_sources.content(folder)
    for leftover in ("build/lib/module.py", "my_lib.egg-info/SOURCES.txt", ".git/HEAD"):
        (folder / leftover).parent.mkdir(parents=True)
        (folder / leftover).touch()
    assert local_sources.content(folder) == first
    (folder / "fast.c").write_text("int x;")
    assert local_sources.content(folder) != first
    assert local_sources.refresh(folder) == ("--refresh-package", "my-lib")
    assert local_sources.refresh(folder_of(tmp_path / "old", "")) == ("--refresh",)
    assert local_sources.refresh(tmp_path / "tool-1.0.tar.gz") == ("--refresh-package", "tool")


@pytest.mark.parametrize(
    "line", ["./lib", "-e ./lib", "--editable=./lib", "lib @ ./lib", "./lib[x]"]
)
def test_the_folder_of_a_line(tmp_path, line):
    folder = folder_of(tmp_path / "lib", "")
    assert local_sources.of_line(line, tmp_path) == folder


def test_the_folder_of_a_line_with_more_in_it(tmp_path):
    folder = folder_of(tmp_path / "my lib", "")
    for line in ("./my lib", f"x @ {folder.as_uri()}", './my lib ; python_version > "3"'):
        assert local_sources.of_line(line, tmp_path) == folder


@pytest.mark.parametrize(
    "line", ["lib", "lib[x]", "lib @ https://x/lib.zip", "--no-binary lib", ""]
)
def test_a_line_without_a_folder(tmp_path, line):
    assert local_sources.of_line(line, tmp_path) is None


def test_the_folders_of_a_lock_file_and_of_uvs_sources(tmp_path):
    folder = folder_of(tmp_path / "lib", "")
    lock = tmp_path / "uv.lock"
    lock.write_text(
        '[[package]]\nname = "me"\nsource = { editable = "." }\n'
        '[[package]]\nname = "lib"\nsource = { directory = "lib" }\n'
        '[[package]]\nname = "other"\nsource = { registry = "x" }\n'
    )
    assert list(local_sources.of_lock(lock)) == [folder]
    lock.write_text("damaged")
    assert list(local_sources.of_lock(lock)) == []
    table = {"tool": {"uv": {"sources": {"lib": {"path": "lib"}, "x": {"git": "y"}, "z": []}}}}
    assert list(local_sources.of_table(table, tmp_path)) == [folder]
    assert list(local_sources.of_table({"tool": {"uv": {"sources": 1}}}, tmp_path)) == []


def test_a_change_in_a_folder_of_the_lock_file_changes_the_request(tmp_path):
    folder = folder_of(tmp_path / "lib", "")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "me"\ndependencies = ["lib"]\n')
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "lib"\nsource = { directory = "lib" }\n')
    first = requirements.find(tmp_path)
    assert requirements.find(tmp_path).key == first.key
    (folder / "module.py").write_text("x = 2\n")
    assert requirements.find(tmp_path).key != first.key
    assert first.looking_again == ["--refresh"]


def test_who_may_take_all_variables_from_a_source(tmp_path):
    site, own = tmp_path / "site", tmp_path / "app.py"
    (site / "pydantic_settings").mkdir(parents=True)
    (site / "pydantic_settings" / "main.py").write_text("self.env_vars")
    own.write_text("from pydantic_settings import BaseSettings\n")
    other = site / "other.py"
    other.write_text("env_vars = 1\n")
    assert not settings_sources.take_all([own], [tmp_path / "none", site])
    other.write_text("import pydantic_settings\nenv_vars = 1\n")
    assert settings_sources.take_all([own], [site])
    other.unlink()
    own.write_text("source.env_vars['X']\n")
    assert settings_sources.take_all([own], [site])
    assert not settings_sources.take_all([own], [tmp_path / "none"])


def test_a_folder_is_compiled_from_a_copy(tmp_path):
    source = folder_of(tmp_path / "my lib", "")
    for name in ("build/lib/old.so", "my_lib.egg-info/x", "src/build/kept.c", ".git/HEAD"):
        (source / name).parent.mkdir(parents=True)
        (source / name).touch()
    (source / "dangling").symlink_to("nowhere")
    copy = tmp_path / "work" / "my-lib"
    line = source_builds._private_copy(f"my-lib @ {source.as_uri()}", copy)
    assert line == f"my-lib @ {copy.as_uri()}"
    files = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    assert files == {"pyproject.toml", "module.py", "src/build/kept.c", ".git/HEAD"}
    bare = source_builds._private_copy(source.as_uri(), tmp_path / "work" / "bare")
    assert bare == (tmp_path / "work" / "bare").as_uri()
    for line in ("my-lib==1.0", "my-lib @ https://x/lib.zip", f"x @ {tmp_path.as_uri()}/x.tar.gz"):
        assert source_builds._private_copy(line, tmp_path / "work" / "other") == line


def test_a_folder_that_cannot_be_copied(tmp_path):
    source = folder_of(tmp_path / "lib", "")
    os.mkfifo(source / "pipe")
    with pytest.raises(ToolError, match=r"lib cannot be copied: .*pipe"):
        source_builds._private_copy(source.as_uri(), tmp_path / "copy")
