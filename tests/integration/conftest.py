"""Real builds and the real emulator: what every integration test shares."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import containers
import pytest
import urllib3
import uv
from support import FUNCTIONS, build_native, free_port, linked_cache

from build_scripts import cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SAM_CLI = "aws-sam-cli==1.170.0"
INVOKE_PATH = "/2015-03-31/functions/function/invocations"
# A shell that starts a command with `&` makes it, and all its children, deaf to these two.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """``built("sample", "app.handler", *options)``: the output folder, built once per session."""
    done: dict[tuple[str, ...], Path] = {}

    def build(function: str, handler: str, *options: str) -> Path:
        key = (function, handler, *options)
        if key not in done:
            output = tmp_path_factory.mktemp("dist") / function
            result = build_native(
                "build", handler, "--project", FUNCTIONS / function, "--output", output, *options
            )
            assert result.status == 0, result.err
            done[key] = output
        return done[key]

    return build


@pytest.fixture
def private_cache(tmp_path):
    """``private_cache(cold=…)``: a cache of its own whose entries are links into the real one.

    Kinds in ``cold`` start empty; of ``partly`` (kind: prefixes) the entries so named are missing.
    """

    def make(cold: Sequence[str] = (), partly: Mapping[str, Sequence[str]] | None = None) -> Path:
        return linked_cache(tmp_path / "private-cache", cold, partly)

    return make


@pytest.fixture
def unpacked(tmp_path):
    """``unpacked(output)``: a folder with what the zip holds, as Lambda lays it out."""

    def unpack(output: Path, name: str = "task") -> Path:
        folder = tmp_path / name
        with zipfile.ZipFile(output / "function.zip") as file:
            file.extractall(folder)
        (folder / "bootstrap").chmod(0o755)
        return folder

    return unpack


@pytest.fixture(scope="session")
def emulator_binary() -> Path:
    """AWS's Runtime Interface Emulator, out of the wheel that ships it."""
    folder = cache.root() / "tests" / SAM_CLI
    if not cache.is_intact(folder):
        with cache.publish(folder) as work:
            target = work / "site"
            subprocess.run(
                [
                    uv.find_uv_bin(),
                    "pip",
                    "install",
                    "--quiet",
                    "--no-deps",
                    "--target",
                    target,
                    SAM_CLI,
                ],
                check=True,
            )
            name = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
            binary = target / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{name}"
            shutil.copyfile(binary, work / "rie")
            (work / "rie").chmod(0o755)
            shutil.rmtree(target)
    return folder / "rie"


@dataclass
class Emulator:
    """A running emulator with one function behind it."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def invoke(self, event: bytes, timeout: float = 60.0) -> urllib3.BaseHTTPResponse:
        url = f"http://127.0.0.1:{self.port}{INVOKE_PATH}"
        return urllib3.request("POST", url, body=event, timeout=timeout, retries=False)

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@pytest.fixture
def emulator(emulator_binary, tmp_path) -> Iterator[object]:
    """``emulator(folder, handler)`` starts the emulator on an unpacked function.

    ``prefix``: a command to run it with, ``root``: where the folder is then.
    """
    running: list[Emulator] = []

    def start(
        folder: Path,
        handler: str = "app.handler",
        *,
        prefix: Sequence[str] = (),
        root: Path | None = None,
        **environ: str,
    ) -> Emulator:
        task = root or folder
        port, api = free_port(), free_port()
        log = tmp_path / f"emulator-{len(running)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    *prefix,
                    emulator_binary,
                    *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
                    *("--runtime-api-address", f"127.0.0.1:{api}"),
                    *(task / "bootstrap", handler),
                ],
                cwd=folder,
                env={**os.environ, "LAMBDA_TASK_ROOT": str(task), **environ},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        running.append(Emulator(process, port, log))
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return running[-1]
            time.sleep(0.02)
        raise AssertionError(f"the emulator did not start:\n{running[-1].output()}")

    yield start
    for one in running:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def tiny():
    """``tiny(folder, "1m")``: mount a file system of that size there."""
    mounted: list[Path] = []

    def mount(folder: Path, size: str) -> Path:
        if os.geteuid() != 0:
            pytest.skip("mounting a small file system needs root")
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("root may not mount here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def podman_storage(tmp_path_factory) -> Iterator[Path]:
    """podman with a storage of the tests' own; skips without podman."""
    containers.skip_without_podman()
    folder = tmp_path_factory.mktemp("podman")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in containers.configure(folder).items():
            patch.setenv(name, value)
        yield folder


@pytest.fixture(scope="session")
def build_image(podman_storage) -> str:
    """The build image on a stand-in base, with this machine's runtime pack."""
    base, name = containers.stand_in(), "localhost/nb-test-build:latest"
    options = ("--base", base, "--pack", "host", "--tag", name, "--engine", "podman")
    result = build_native("container", "build", *options)
    assert result.status == 0, result.err
    yield name
    # Layers that nothing names any more. A build that was killed keeps its own: no fault of ours.
    containers.podman("image", "prune", "--force", check=False)


@pytest.fixture
def inside_cache(tmp_path) -> Path:
    """What a build inside takes from a cache of before, so that a test takes seconds: the libraries
    of Zig, what Nuitka and the runtime are compiled to, what was read out of the pack.

    Bytecode, C code, the function's own objects, program, image and zip are made anew.
    """
    return containers.fill(
        tmp_path / "inside-cache", ("dependencies", "nuitka", "cpuid", "symbols", "objects")
    )


@pytest.fixture(scope="session")
def warm(tmp_path_factory) -> Path:
    """A cache that builds inside share: for what is not about the bytes."""
    return containers.fill(tmp_path_factory.mktemp("warm"))


@pytest.fixture(scope="session")
def theirs(tmp_path_factory) -> Path:
    """The same, of user 1234."""
    if os.geteuid() != 0:
        pytest.skip("gives files to another user")
    folder = containers.fill(tmp_path_factory.mktemp("theirs") / "cache")
    # A link would give this machine's own file away.
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy, symlinks=True)
    containers.owned(copy, 1234)
    return copy


@pytest.fixture
def small(tmp_path) -> Path:
    """A project that builds in seconds: bytecode, no snapshot."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(event, context):\n    return event\n")
    (folder / "pyproject.toml").write_text(
        '[tool.native-bootstrap]\nhandler = "app.handler"\ncode = "bytecode"\n'
        'snapshot = "off"\njson = "stdlib"\n'
    )
    return folder
