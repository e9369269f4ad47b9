"""Every mistake a user can make, through the real command line: one message, its own exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import FUNCTIONS, assert_one_message, build_native, command, leftovers

from build_scripts.pack import sources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDERS = [  # bad-snapshot-* are no mistakes: test_snapshot_handlers.py
    path
    for path in sorted(FUNCTIONS.glob("bad-*"))
    if path.name != "bad-wheel" and not path.name.startswith("bad-snapshot-")
]
HELLO = "def handler(event, context):\n    return event\n"
ROOT = os.geteuid() == 0
OFFLINE = ["unshare", "--net"] if ROOT else ["unshare", "--map-root-user", "--net"]


@pytest.fixture
def project(tmp_path):
    """``project({"app.py": …})``: a folder with these files."""

    def make(files: dict[str, str]) -> Path:
        folder = tmp_path / "project"
        for name, text in {"app.py": HELLO, **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return make


@pytest.fixture
def fails(tmp_path):
    """``fails(status, words, project, *options)``: the build fails so and leaves nothing."""

    def check(status, words, project, *options, handler="app.handler", **environ):
        output = tmp_path / "out"
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        given = [] if "--output" in options else ["--output", output]
        arguments = ("build", handler, "--project", project, *given, *options)
        result = build_native(*arguments, TMPDIR=str(scratch), **environ)
        assert_one_message(result, status, *words)
        assert not output.exists()
        assert list(scratch.iterdir()) == []

    return check


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folder_per_mistake(fails, folder):
    wanted = tomllib.loads((folder / "expect.toml").read_text())
    words = (wanted["message"], wanted["hint"])
    fails(wanted["status"], words, folder, handler=wanted["handler"])


def test_no_such_project(fails, tmp_path):
    fails(10, ("no such project folder", "--project"), tmp_path / "nowhere")


def test_unknown_arch(fails, project):
    folder = project({})
    fails(4, ("unknown architecture 'mips'", "x86_64, arm64"), folder, "--arch", "mips")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[tool.native-bootstrap", ("is not valid TOML",)),
        ("[tool.native-bootstrap]\nverbose = true", ("unknown key 'verbose'",)),
        ("[tool.native-bootstrap]\ncode = 'fast'", ("must be one of native, bytecode",)),
        ("[tool.native-bootstrap]\narch = 3", ("must be a string, not 3",)),
        ("[tool.native-bootstrap]\ninclude = 1", ("must be a list of strings",)),
    ],
)
def test_wrong_settings(fails, project, settings, words):
    fails(3, ("pyproject.toml", *words), project({"pyproject.toml": settings}))


def test_wrong_setting_in_the_environment(fails, project):
    words = ("environment: option 'refresh' must be true or false, not 'maybe'",)
    fails(3, words, project({}), BUILD_NATIVE_REFRESH="maybe")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("build",), ("no handler given",)),
        (("build", "app.handler", "--no-such-option"), ("unrecognized arguments",)),
        (("invoke", "dist/app", "--event", "{"), ("neither JSON nor a file",)),
        ((), ("the following arguments are required",)),
    ],
)
def test_wrong_command_line(arguments, words):
    assert_one_message(build_native(*arguments), 2, *words)


def test_requirement_without_a_usable_wheel(fails, project):
    reason = "pydantic-core 2.0.1 (required by pydantic) has compiled parts and no musllinux wheel"
    words = (reason, "it has one in version 2.", "allow a version of pydantic that takes that")
    fails(21, words, project({"requirements.txt": "pydantic==2.0"}))


def test_requirements_that_contradict_each_other(fails, project):
    folder = project({"requirements.txt": "requests==2.32.5\nurllib3<1.21\n"})
    fails(20, ("requirements.txt cannot be resolved", "urllib3"), folder)


def test_project_with_wrong_pyproject_dependencies(fails, project):
    text = "[project]\nname = 'x'\nversion = '1'\ndependencies = ['===']\n"
    fails(20, ("pyproject.toml: '===' is not a requirement",), project({"pyproject.toml": text}))


def test_project_over_lambdas_limit(fails, project):
    folder = project({})
    with (folder / "model.bin").open("wb") as file:
        file.truncate(300_000_000)
    words = ("MB unzipped, Lambda allows 262.1 MB", "300.0 MB  model.bin", "--exclude")
    fails(42, words, folder)


def test_output_below_a_file(fails, project):
    folder = project({})
    target = folder / "app.py" / "dist"
    fails(41, ("cannot write", "choose a folder"), folder, "--output", target)


@pytest.fixture
def read_only(tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    if ROOT:  # modes do not stop root
        mount = ["mount", "-t", "tmpfs", "-o", "ro,size=4k", "none", folder]
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip("root may not mount here")
    else:
        folder.chmod(0o555)
    yield folder
    if ROOT:
        subprocess.run(["umount", folder], check=True)
    else:
        folder.chmod(0o755)


def test_output_folder_that_is_read_only(fails, project, read_only):
    fails(41, ("cannot write", str(read_only)), project({}), "--output", read_only / "dist")
    assert list(read_only.iterdir()) == []


def test_report_in_a_folder_that_is_read_only(fails, project, read_only):
    fails(41, ("cannot write",), project({}), "--report", read_only / "report.json")


def test_cache_that_is_read_only(fails, project, read_only):
    cache = str(read_only / "cache")
    fails(41, ("cannot write", cache), project({}), NATIVE_BOOTSTRAP_CACHE=cache)


def offline(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command line without any network; skips where that cannot be had."""
    if subprocess.run([*OFFLINE, "true"], capture_output=True).returncode:
        pytest.skip("a namespace without network is not allowed here")
    environment = {**os.environ, **environ}
    return subprocess.run(
        [*OFFLINE, *command(*map(str, arguments))], env=environment, capture_output=True, text=True
    )


def as_cli(done):
    from support import Cli

    return Cli(status=done.returncode, out=done.stdout, err=done.stderr)


def test_no_network_and_no_pack(project, tmp_path):
    cache, output = tmp_path / "empty", tmp_path / "out"
    arguments = ("build", "app.handler", "--project", project({}), "--output", output)
    done = offline(*arguments, NATIVE_BOOTSTRAP_CACHE=str(cache))
    words = ("cannot be had; tried:", "upstream: ", "NATIVE_BOOTSTRAP_SOURCES", "pack import")
    assert_one_message(as_cli(done), 30, *words)
    assert not output.exists()
    assert leftovers(cache) == []


def test_no_network_for_the_requirements(project, tmp_path, private_cache):
    folder, output = project({"requirements.txt": "six==1.17.0"}), tmp_path / "out"
    done = offline(
        *("build", "app.handler", "--project", folder, "--output", output),
        NATIVE_BOOTSTRAP_CACHE=str(private_cache(cold=["dependencies"])),
        UV_CACHE_DIR=str(tmp_path / "uv"),
    )
    words = ("cannot reach the package index", "requirements.txt", "check the network")
    assert_one_message(as_cli(done), 20, *words)
    assert not output.exists()
    assert leftovers(tmp_path / "private-cache") == []


def test_no_network_is_needed_for_an_unchanged_build(built, tmp_path):
    built("sample", "app.handler")
    output = tmp_path / "out"
    arguments = ("--project", FUNCTIONS / "sample", "--output", output)
    done = offline("build", "app.handler", *arguments)
    assert done.returncode == 0, done.stderr
    assert (output / "function.zip").is_file()


def test_source_with_a_wrong_hash(fails, project, tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    first = next(iter(sources.load().values()))
    (folder / first.file).write_bytes(b"<html>Please log in</html>")
    environ = {"NATIVE_BOOTSTRAP_SOURCES": str(folder)}
    cache = tmp_path / "empty"
    words = ("wrong content", str(folder / first.file), "expected sha256", "delete or replace")
    fails(31, words, project({}), NATIVE_BOOTSTRAP_CACHE=str(cache), **environ)
    assert leftovers(cache) == []
    assert list((cache / "sources").iterdir()) == []


def test_pack_archive_that_is_damaged(tmp_path):
    archive = tmp_path / "pack.tar.xz"
    archive.write_bytes(b"no pack")
    cache = tmp_path / "empty"
    result = build_native("pack", "import", archive, NATIVE_BOOTSTRAP_CACHE=str(cache))
    assert_one_message(result, 32, str(archive))
    assert leftovers(cache) == []


def test_invoke_without_a_build(tmp_path):
    result = build_native("invoke", tmp_path)
    assert_one_message(result, 60, f"no function.zip in {tmp_path}", "build it first")


def test_invoke_of_a_damaged_zip(built, tmp_path):
    data = (built("sample", "app.handler") / "function.zip").read_bytes()
    (tmp_path / "function.zip").write_bytes(data[: len(data) // 2])
    assert_one_message(build_native("invoke", tmp_path), 60, "is damaged", "build it again")


def test_debug_shows_the_traceback(tmp_path):
    result = build_native("build", "app.handler", "--project", tmp_path / "nowhere", "--debug")
    assert result.status == 10
    assert "Traceback" in result.err
