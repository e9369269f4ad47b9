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
    assert found.line_of("Six", "1.17.0").startswith("six==1.17.0 --hash")
    assert found.line_of("six", "1.16.0") == ""
    assert found.line_of("idna", "3.0") == ""
    assert (found.pinned("SIX"), found.pinned("idna")) == ("1.17.0", "")


def test_of_several_lines_of_one_package_the_one_of_the_version_counts(tmp_path):
    """As lock files have them, where versions depend on markers."""
    lines = [
        f"a.b[c]=={version} ; python_version {order} '3.11' --hash=sha256:{version}"
        for version, order in (("1.0", "<"), ("2.0", ">="))
    ]
    write(tmp_path, requirements_txt="\n".join(lines))
    assert requirements.find(tmp_path).line_of("A-b", "2.0") == lines[1]


PYLOCK = """lock-version = "1.0"
created-by = "tests"
[[packages]]
name = "one"
version = "1.0"
marker = "python_version > '3'"
sdist = { url = "https://example.com/one.tar.gz", hashes = { sha256 = "aa" } }
wheels = [{ url = "https://example.com/one.whl", hashes = { sha256 = "bb" } }]
[[packages]]
name = "folder"
directory = { path = "sub" }
[[packages]]
name = "repository"
vcs = { type = "git", url = "https://example.com/r", commit-id = "c0ffee" }
[[packages]]
name = "file"
archive = { path = "x.zip", hashes = { sha256 = "dd" } }
"""


@pytest.mark.parametrize("name", ["pylock.toml", "pylock.function.toml"])
def test_a_pylock_as_requirements(tmp_path, name):
    path = tmp_path / name
    path.write_text(PYLOCK)
    found = requirements.find(tmp_path, path)
    assert found.arguments == ("-r", str(path))
    assert found.origin == name
    assert found.lines == (
        "one==1.0 ; python_version > '3' --hash=sha256:bb --hash=sha256:aa",
        f"folder @ {(tmp_path / 'sub').as_uri()}",
        "repository @ git+https://example.com/r@c0ffee",
        f"file @ {(tmp_path / 'x.zip').as_uri()}",
    )
    assert found.listing(tmp_path).read_text().splitlines() == list(found.lines)
    path.write_text(PYLOCK.replace('"bb"', '"cc"'))
    assert requirements.find(tmp_path, path).key != found.key


def test_which_file_is_taken(tmp_path):
    write(tmp_path, pyproject_toml='[project]\nname="x"\nversion="1"\ndependencies=["six"]\n')
    assert requirements.find(tmp_path).origin == "pyproject.toml"
    (tmp_path / "uv.lock").write_text("version = 1\n")
    assert requirements.find(tmp_path).origin == "uv.lock"
    (tmp_path / "pylock.toml").write_text(PYLOCK)
    assert requirements.find(tmp_path).origin == "pylock.toml"
    write(tmp_path, requirements_txt="six\n")
    assert requirements.find(tmp_path).origin == "requirements.txt"


def test_an_empty_pylock_asks_for_nothing(tmp_path):
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "tests"\n')
    assert requirements.find(tmp_path) is None


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
