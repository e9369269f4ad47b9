"""Real builds and the real emulator: what every integration test shares."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3
import uv
from support import FUNCTIONS, build_native, free_port, linked_cache

from build_scripts import cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SAM_CLI = "aws-sam-cli==1.170.0"
INVOKE_PATH = "/2015-03-31/functions/function/invocations"


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
