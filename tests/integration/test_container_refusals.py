"""``build --container``: what can be wrong, one clear message each."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import containers
import pytest
from support import Cli, assert_one_message, build_native, command

from build_scripts import targets
from build_scripts.container import engine, run
from build_scripts.log import quiet

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


@needs_root
def test_a_folder_that_the_user_of_the_container_may_not_write(
    build_image, warm, small, tmp_path, monkeypatch, capfd
):
    """The caller may, but the engine maps the caller to somebody else."""
    output = tmp_path / "out"
    output.mkdir()
    monkeypatch.setattr(engine, "caller", lambda: (1234, 1234))
    monkeypatch.setenv("NATIVE_BOOTSTRAP_CACHE", str(warm))
    status = run.build(containers.chosen_for(small, output, build_image), None, log=quiet())
    told = capfd.readouterr()
    assert_one_message(
        Cli(status=status, out=told.out, err=told.err),
        *(41, "cannot write", str(output), "Permission denied", "in this container that is user"),
    )


def test_a_full_disk_inside(build_image, warm, small, tmp_path, tiny):
    output = tmp_path / "out"
    output.mkdir()
    tiny(output, "2m")
    result = containers.build_inside(build_image, warm, "--project", small, "--output", output)
    assert_one_message(result, 40, "the disk is full", "free some space")
    assert list(output.iterdir()) == []


def test_no_engine(small, tmp_path):
    (tmp_path / "bin").mkdir()
    result = build_native(
        *("build", "--project", small, "--output", tmp_path / "out", "--container", "some:image"),
        PATH=str(tmp_path / "bin"),
    )
    assert_one_message(result, 54, "no container engine is installed", "docker, podman", "podman")
    chosen = ("--container", "some:image", "--engine", "nerdctl")
    result = build_native("build", "--project", small, *chosen, PATH=str(tmp_path / "bin"))
    assert_one_message(result, 54, "nerdctl is not installed")
    result = build_native("build", "--project", small, *chosen[:3], "crane")
    assert_one_message(result, 2, "--engine must be one of docker, podman, finch, nerdctl")


needs_docker = pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")


@needs_docker
def test_a_daemon_that_is_down(small, tmp_path):
    result = build_native(
        *("build", "--project", small, "--container", "some:image", "--engine", "docker"),
        DOCKER_HOST=f"unix://{tmp_path}/docker.sock",
    )
    assert_one_message(result, 54, "its daemon does not answer", "start docker")
    assert "without --container" in result.err


@needs_docker
def test_an_engine_that_the_user_may_not_use(small, tmp_path):
    """The daemon's socket is another user's; root without the power to open it all the same."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    path = Path(tempfile.mkdtemp(), "docker.sock")  # short enough for a socket
    powers = ("setpriv", "--bounding-set", "-dac_override") if os.geteuid() == 0 else ()
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(path))
        daemon.listen()
        path.chmod(0)
        words = ("build", "--project", small, "--container", "some:image", "--engine", "docker")
        done = subprocess.run(
            [*powers, *command(*words)],
            env={**os.environ, "DOCKER_HOST": f"unix://{path}"},
            capture_output=True,
            text=True,
        )
    shutil.rmtree(path.parent)
    told = Cli(status=done.returncode, out=done.stdout, err=done.stderr)
    assert_one_message(told, 54, "you may not use docker", "permission denied", "group docker")


def test_no_image_and_no_registry(podman_storage, small):
    flags = ("--container", "localhost:9/nothing/here:1", "--engine", "podman")
    result = build_native("build", "--project", small, *flags)
    assert_one_message(
        result, 55, "no image localhost:9/nothing/here:1", "none can be had from a registry"
    )
    assert "build-native container build" in result.err


def test_an_image_for_another_machine(podman_storage, built, small, tmp_path):
    other = next(t.arch for t in targets.TARGETS.values() if t != targets.host())
    output = built("sample", "app.handler", "--arch", other)
    archive = tmp_path / "image.tar"
    assert build_native("image", output, "--tag", "nb-test:other", "--output", archive).status == 0
    with containers.loaded(archive) as name:
        flags = ("--container", name, "--engine", "podman")
        result = build_native("build", "--project", small, *flags)
    assert_one_message(result, 55, f"the image {name} is for linux/", "this build needs one for")
    assert f"--emulate --arch {other}" in result.err


def test_an_image_that_is_no_build_image(podman_storage, small):
    flags = ("--container", containers.stand_in(), "--engine", "podman")
    result = build_native("build", "--project", small, *flags)
    assert_one_message(result, 55, "is no build image", "build-native container build")


def test_emulation_that_the_kernel_does_not_know(podman_storage, small):
    other = next(t for t in targets.TARGETS.values() if t != targets.host())
    if Path(f"/proc/sys/fs/binfmt_misc/qemu-{other.machine}").exists():
        pytest.skip("this kernel does know it")
    flags = ("--container", "some:image", "--engine", "podman", "--emulate", "--arch", other.arch)
    result = build_native("build", "--project", small, *flags)
    assert_one_message(result, 54, "--emulate", "is not registered", "qemu-user-static")
