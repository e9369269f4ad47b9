"""Where each option comes from, and what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_scripts import options
from native_bootstrap.errors import ConfigError, ProjectNotFoundError, UnknownArchError, UsageError


def project(tmp_path: Path, table: str = "") -> Path:
    (tmp_path / "pyproject.toml").write_text(f"[tool.native-bootstrap]\n{table}\n")
    return tmp_path


def test_command_line_beats_environment_beats_pyproject(tmp_path):
    folder = project(tmp_path, 'arch = "arm64"\ncode = "bytecode"\nstrip-source = true')
    environ = {"BUILD_NATIVE_ARCH": "x86_64", "BUILD_NATIVE_CODE": "native"}
    found = options.resolve(
        {"project": folder, "handler": "app.handler", "code": "bytecode"}, environ=environ
    )
    assert (found.arch, found.code, found.strip_source) == ("x86_64", "bytecode", True)
    assert found.origins["code"] == "command line"
    assert found.origins["arch"] == "environment"
    assert "pyproject.toml" in found.origins["strip_source"]
    assert found.origins["cpu"] == "default"


def test_lists_and_paths_are_converted(tmp_path):
    folder = project(tmp_path, 'compile = ["a", "b.c"]\nrequirements = "req/prod.txt"')
    found = options.resolve({"project": folder}, environ={"BUILD_NATIVE_INCLUDE": "*.html, x"})
    assert found.compile == ("a", "b.c")
    assert found.requirements == folder / "req/prod.txt"
    assert found.include == ("*.html", "x")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"handler": "app.handler"}, "app"),
        ({"handler": "pkg/mod.main"}, "pkg"),
        ({"handler": "app.handler", "project": "PROJECT"}, "shop"),
    ],
)
def test_default_output_is_named_after_what_is_built(tmp_path, monkeypatch, given, name):
    shop = tmp_path / "shop"
    shop.mkdir()
    monkeypatch.chdir(tmp_path)
    given = {key: shop if value == "PROJECT" else value for key, value in given.items()}
    assert options.resolve(given, environ={}).output == Path("dist") / name


def test_unknown_key_names_the_nearest_known_one(tmp_path):
    with pytest.raises(ConfigError) as caught:
        options.resolve({"project": project(tmp_path, "strip-sources = true")}, environ={})
    assert "'strip-sources'" in caught.value.message
    assert "strip-source" in caught.value.hint


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('code = "fast"', "must be one of native, bytecode"),
        ("strip-source = 3", "must be true or false"),
        ("compile = [1]", "must be a list of strings"),
        ("arch = 64", "must be a string"),
        ("requirements = 1", "must be a path"),
        ("arch = [", "not valid TOML"),
    ],
)
def test_wrong_values_name_option_and_file(tmp_path, table, words):
    with pytest.raises(ConfigError, match=words) as caught:
        options.resolve({"project": project(tmp_path, table)}, environ={})
    assert "pyproject.toml" in caught.value.message


def test_missing_project(tmp_path):
    with pytest.raises(ProjectNotFoundError, match="no such project folder"):
        options.resolve({"project": tmp_path / "nowhere"}, environ={})


def test_unknown_arch_suggests_lambdas_name():
    with pytest.raises(UnknownArchError) as caught:
        _ = options.resolve({"arch": "aarch64"}, environ={}).target
    assert "arm64" in caught.value.hint


def test_cpu_replaces_the_baseline():
    target = options.resolve({"arch": "x86_64", "cpu": "x86_64_v2"}, environ={}).target
    assert target.cpu == "x86_64_v2"


def test_a_wrong_choice_on_the_command_line_is_a_usage_error():
    with pytest.raises(UsageError, match="--code must be one of native, bytecode, not 'fast'"):
        options.resolve({"code": "fast"}, environ={})


@pytest.mark.parametrize(
    ("variable", "hint"),
    [("BUILD_NATIVE_COD", "did you mean BUILD_NATIVE_CODE?"), ("BUILD_NATIVE_QQ", "known: BUILD")],
)
def test_an_unknown_variable_is_not_ignored(variable, hint):
    with pytest.raises(ConfigError, match=f"environment: unknown option {variable}") as caught:
        options.resolve({}, environ={variable: "1", "NATIVE_BOOTSTRAP_CACHE": "/c", "PATH": "/b"})
    assert caught.value.hint.startswith(hint)


def test_a_file_for_a_project(tmp_path):
    (tmp_path / "app.py").touch()
    with pytest.raises(ProjectNotFoundError, match="not a folder"):
        options.resolve({"project": tmp_path / "app.py"}, environ={})
