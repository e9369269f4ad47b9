"""What a project asks for."""

from __future__ import annotations

import pytest

from build_scripts import requirements
from native_bootstrap.errors import ConfigError, UsageError


def write(folder, **files):
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def key(folder, chosen=None):
    found = requirements.find(folder, chosen)
    assert found is not None
    return found.key


def test_nothing_is_asked_for(tmp_path):
    assert requirements.find(tmp_path) is None
    write(
        tmp_path, requirements_txt="# only a comment\n\n-i https://example.com/simple\n-c c.txt\n"
    )
    (tmp_path / "c.txt").write_text("six<2\n")
    assert requirements.find(tmp_path) is None


def test_the_order_of_the_sources(tmp_path):
    write(tmp_path, pyproject_toml="[project]\nname = 'x'\ndependencies = ['six']\n")
    assert requirements.find(tmp_path).origin == "pyproject.toml"
    write(tmp_path, uv_lock="version = 1\n")
    found = requirements.find(tmp_path)
    assert (found.origin, found.is_lock) == ("uv.lock", True)
    write(tmp_path, requirements_txt="six\n")
    assert requirements.find(tmp_path).origin == "requirements.txt"
    (tmp_path / "prod.txt").write_text("six\n")
    assert requirements.find(tmp_path, tmp_path / "prod.txt").origin == "prod.txt"


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="no such requirements file"):
        requirements.find(tmp_path, tmp_path / "gone.txt")
    write(tmp_path, requirements_txt="-r gone.txt\nsix\n")
    with pytest.raises(UsageError, match=r"cannot read .*gone\.txt"):
        requirements.find(tmp_path)


def test_logical_lines(tmp_path):
    write(
        tmp_path,
        requirements_txt="six==1.17.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "# comment\nurl @ https://example.com/x#egg=y  # why\n-r more.txt\n",
        more_txt="idna\n-r requirements.txt\n",
    )
    found = requirements.find(tmp_path)
    assert found.lines == (
        "six==1.17.0 --hash=sha256:aa --hash=sha256:bb",
        "url @ https://example.com/x#egg=y",
        "idna",
    )
    assert found.line_of("Six").startswith("six==1.17.0 --hash")
    assert found.line_of("idna") == ""


def test_places_are_kept_for_later_runs(tmp_path):
    write(tmp_path, requirements_txt="--extra-index-url https://example.com/simple\n-f ./w\nsix\n")
    (tmp_path / "w").mkdir()
    found = requirements.find(tmp_path)
    assert found.places == ("--extra-index-url https://example.com/simple", f"-f {tmp_path / 'w'}")


def test_the_key_follows_what_matters(tmp_path):
    write(tmp_path, requirements_txt="-r more.txt\nsix\n", more_txt="idna\n")
    first = key(tmp_path)
    write(tmp_path, requirements_txt="-r more.txt\n# a comment\nsix\n")
    assert key(tmp_path) == first
    write(tmp_path, more_txt="idna==3\n")
    assert key(tmp_path) != first


def test_the_key_follows_local_sources(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/mod.py").write_text("x = 1\n")
    for line in ("./lib", "-e ./lib", "lib @ file://" + str(tmp_path / "lib"), "./lib[extra]"):
        write(tmp_path, requirements_txt=line + "\n")
        (tmp_path / "lib/mod.py").write_text("x = 1\n")
        first = key(tmp_path)
        (tmp_path / "lib/.hidden").write_text("x")
        assert key(tmp_path) == first
        (tmp_path / "lib/mod.py").write_text("x = 2\n")
        assert key(tmp_path) != first, line


def test_the_key_of_pyproject_ignores_other_tools(tmp_path):
    text = "[project]\nname = 'x'\ndependencies = ['six']\n"
    write(tmp_path, pyproject_toml=text)
    first = key(tmp_path)
    write(tmp_path, pyproject_toml=text + "[tool.ruff]\nline-length = 99\n")
    assert key(tmp_path) == first
    write(tmp_path, pyproject_toml=text + "[tool.uv]\nno-index = true\n")
    assert key(tmp_path) != first


@pytest.mark.parametrize("text", ["[project\n", "x = \n"])
def test_a_broken_pyproject(tmp_path, text):
    write(tmp_path, pyproject_toml=text)
    with pytest.raises(ConfigError, match="not valid TOML"):
        requirements.find(tmp_path)


def test_binary_requirements(tmp_path):
    (tmp_path / "requirements.txt").write_bytes(b"six\n# caf\xe9\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        requirements.find(tmp_path)
