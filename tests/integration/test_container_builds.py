"""``build --container``: the same bytes, everything passed through, nothing left behind."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import tarfile
import time

import containers
import pytest
from support import FUNCTIONS, Cli, assert_one_message, build_native, command, leftovers

from build_scripts import pack, targets
from build_scripts.container import engine, run
from build_scripts.log import quiet

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def test_inside_and_outside_give_the_same_bytes(built, build_image, inside_cache, tmp_path):
    """Another Python, another C library around it, another cache: nothing of it shows."""
    outside = built("sample", "app.handler")
    output = tmp_path / "out"
    project = FUNCTIONS / "sample"
    before = sorted(project.rglob("*"))
    result = containers.build_inside(
        *(build_image, inside_cache, "app.handler"), *("--project", project, "--output", output)
    )
    assert result.status == 0, result.err
    for name in ("bootstrap", "bootstrap.debug", "function.zip"):
        assert (output / name).read_bytes() == (outside / name).read_bytes(), name
    inside = json.loads((output / "report.json").read_text())
    assert inside["host"]["python"] != json.loads((outside / "report.json").read_text())["host"]
    assert "another state" not in result.err
    assert str(output) in result.out
    assert {path.stat().st_uid for path in output.iterdir()} == {os.getuid()}
    assert sorted(project.rglob("*")) == before
    assert containers.running() == []


def test_options_from_everywhere_reach_the_build(build_image, warm, small, tmp_path):
    """The project's file, the environment, the command line; paths from this folder."""
    (tmp_path / "values.env").write_text("STAGE=test\n")
    result = build_native(
        *("build", "--project", "project", "--container", build_image, "--output", "dist/deep/out"),
        *("--report", "elsewhere/report.json", "--env-file", "values.env", "--verbose"),
        cwd=tmp_path,
        NATIVE_BOOTSTRAP_CACHE=str(warm),
        BUILD_NATIVE_ENGINE="podman",
        BUILD_NATIVE_STRIP_SOURCE="1",
    )
    assert result.status == 0, result.err
    assert (tmp_path / "dist/deep/out/function.zip").is_file()
    facts = json.loads((tmp_path / "elsewhere/report.json").read_text())
    assert (facts["handler"], facts["code"]) == ("app.handler", "bytecode")
    made = next(line for line in result.err.splitlines() if "podman create" in line)
    assert "--strip-source" in result.err
    assert "STAGE" not in made


def test_what_requirements_name_beside_the_project(build_image, small, tmp_path):
    """A folder, which setuptools would write to, and a file."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "common.py").write_text("X = 41\n")
    (library / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "common"\nversion = "1"\n[tool.setuptools]\npy-modules = ["common"]\n'
    )
    (tmp_path / "base.txt").write_text("../library\n")
    (small / "requirements.txt").write_text("-r ../base.txt\n")
    (small / "app.py").write_text(
        "import common\ndef handler(event, context):\n    return common.X\n"
    )
    before = sorted([*library.rglob("*"), *small.rglob("*")])
    output, private = tmp_path / "out", containers.fill(tmp_path / "cache")
    result = containers.build_inside(
        *(build_image, private, "--project", small, "--output", output, "--invoke", "{}")
    )
    assert result.status == 0, result.err
    assert result.out.splitlines()[-1] == "41"
    (package,) = json.loads((output / "report.json").read_text())["packages"]
    assert (package["name"], package["why"]) == ("common", "")
    assert sorted([*library.rglob("*"), *small.rglob("*")]) == before


def test_an_event_is_tried_inside(build_image, warm, small, tmp_path):
    result = containers.build_inside(
        *(build_image, warm, "--project", small, "--output", tmp_path / "out"),
        *("--invoke", '{"a": "ü"}'),
    )
    assert result.status == 0, result.err
    assert result.out.splitlines()[-1] == '{"a":"ü"}'


def test_an_error_inside_is_the_error_outside(build_image, warm, small, tmp_path):
    """The same words and the same exit code, said once; no folder stays."""
    arguments = ("app.missing", "--project", small, "--output", tmp_path / "out" / "deep")
    inside = containers.build_inside(build_image, warm, *arguments)
    outside = build_native("build", *arguments)
    assert_one_message(inside, 14, "missing")
    assert inside.err == outside.err
    assert not (tmp_path / "out").exists()
    assert containers.running() == []


def test_colours_and_progress_of_a_terminal(build_image, warm, small, tmp_path):
    """stderr is a terminal, stdout a file: one has colours and moving lines, the other has not."""
    master, slave = pty.openpty()
    listing = tmp_path / "listing"
    words = ("build", "--project", small, "--output", tmp_path / "out", "--container", build_image)
    with listing.open("wb") as out:
        process = subprocess.Popen(
            command(*words, "--engine", "podman"),
            stdin=slave,
            stdout=out,
            stderr=slave,
            env={**os.environ, "NATIVE_BOOTSTRAP_CACHE": str(warm), "TERM": "xterm-256color"},
        )
    os.close(slave)
    shown = b""
    while True:
        try:
            block = os.read(master, 1 << 16)
        except OSError:  # the last writer has closed it
            break
        if not block:
            break
        shown += block
    os.close(master)
    assert process.wait() == 0, shown
    text = shown.decode()
    assert "\x1b[32m✓" in text
    assert "\x1b[?25l" in text  # the cursor is hidden while lines move
    assert "✓ link" in ESCAPE.sub("", text)
    assert "\x1b" not in listing.read_text()
    assert "function.zip" in listing.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupt_stops_the_container(build_image, warm, small, tmp_path, number):
    (small / "app.py").write_text(
        "import time\ntime.sleep(600)\ndef handler(event, context): ...\n"
    )
    output = tmp_path / "out"
    process = subprocess.Popen(
        command(
            *("build", "--project", small, "--output", output, "--snapshot", "auto"),
            *("--container", build_image, "--engine", "podman"),
        ),
        env={**os.environ, "NATIVE_BOOTSTRAP_CACHE": str(warm)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "snapshot" in line:
            break
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert_one_message(Cli(status=130, out=out, err=err), 130, "interrupted")
    assert time.monotonic() - started < 15
    assert containers.running() == []
    assert leftovers(warm) == []
    assert not output.exists()


def test_inside_already(build_image, warm, small, tmp_path):
    """In the image itself --container is no more than said: there is no engine in there."""
    mounts = [f"--volume={path}:{path}" for path in (warm, small, tmp_path)]
    run_it = ("run", "--rm", *mounts, f"--env=NATIVE_BOOTSTRAP_CACHE={warm}", build_image)
    words = ("build-native", "build", "--project", small, "--output", tmp_path / "out")
    containers.podman(*run_it, *words, "--container")
    assert (tmp_path / "out" / "function.zip").is_file()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


@needs_root
def test_files_belong_to_the_caller(build_image, theirs, small, tmp_path, monkeypatch, capfd):
    """A user of a machine-wide engine; with a snapshot, which takes no right of root."""
    output = tmp_path / "out"
    output.mkdir()
    containers.owned(output, 1234)
    monkeypatch.setattr(engine, "caller", lambda: (1234, 1234))
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(theirs))
    (small / "pyproject.toml").write_text(
        '[tool.native-bootstrap]\nhandler = "app.handler"\ncode = "bytecode"\njson = "stdlib"\n'
    )
    status = run.build(containers.chosen_for(small, output, build_image), None, log=quiet())
    assert status == 0, capfd.readouterr().err
    assert {path.stat().st_uid for path in output.iterdir()} == {1234}
    assert json.loads((output / "report.json").read_text())["snapshot"]["level"] == "full"


def test_a_clean_room_in_a_container_of_ones_own(build_image, theirs, tmp_path):
    """Somebody else's `podman run`, with no right at all (for root see test_snapshot_room_ends.py):
    what is missing is said, and with that it works."""
    output = tmp_path / "out"
    output.mkdir()
    containers.owned(output, 1234)
    given = ("--user=1234:1234", "--cap-drop=ALL", "--security-opt=no-new-privileges")
    project = FUNCTIONS / "sample"
    mounts = (f"--volume={project}:/in:ro", f"--volume={output}:/out", f"--volume={theirs}:/cache")
    words = ("build-native", "build", "app.handler", "--project=/in", "--output=/out")
    words += ("--json=stdlib", "--code=bytecode")
    given += (*mounts, "--env=NATIVE_BOOTSTRAP_CACHE=/cache")

    def attempt(*options: str) -> Cli:
        done = subprocess.run(
            ["podman", "run", "--rm", *given, *options, build_image, *words],
            capture_output=True,
            text=True,
        )
        return Cli(status=done.returncode, out=done.stdout, err=done.stderr)

    refused = attempt()
    assert_one_message(refused, 51, "the clean room for the snapshot cannot be made here")
    hint = refused.err.partition("start the container with ")[2]
    advised = hint.partition(" (docker")[0].split()
    assert "--cap-add" not in advised
    result = attempt(*advised)
    assert result.status == 0, result.err
    assert json.loads((output / "report.json").read_text())["snapshot"]["level"] == "full"


@pytest.mark.skipif(
    not containers.EVERY, reason="compiles a runtime pack: NB_TEST_CONTAINERS_EVERY=1"
)
def test_a_pack_that_is_compiled_inside(podman_storage, tmp_path):
    """The recipe from nothing; what is compiled inside is this machine's pack, byte for byte."""
    name = "localhost/nb-test-build:cold"
    options = ("--base", containers.stand_in(), "--tag", name, "--engine", "podman")
    result = build_native("container", "build", *options)
    assert result.status == 0, result.err
    copy = "cp /opt/native-bootstrap/packs/*.tar.xz /out/"
    containers.podman("run", "--rm", f"--volume={tmp_path}:/out", name, "sh", "-c", copy)
    (archive,) = tmp_path.glob("*.tar.xz")
    with tarfile.open(archive) as tar:
        (info,) = (member for member in tar.getmembers() if member.name.endswith("/pack.json"))
        inside = json.load(tar.extractfile(info))
    outside = pack.path(targets.host())
    assert outside is not None
    assert inside["key"] == outside.info["key"]
    assert inside["files"] == outside.info["files"]
