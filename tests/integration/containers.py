"""podman for the tests: images of their own, never those of the user."""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import Cli, build_native

from build_scripts import cache, options, pack, targets
from build_scripts.pack import debian

URL = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations"
EVERY = os.environ.get("NB_TEST_CONTAINERS_EVERY")  # slow: nothing from this machine's cache
# Kinds of cache entries that builds share which are not about the bytes.
WARM = ("cpuid", "symbols", "modules", "pycache")
# What a machine without CAP_SYS_RESOURCE can give; podman asks for more by itself. Compiling a libc
# takes Zig more than 1,024 files.
FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20)
LIMITS = (f"nofile={FILES}:{FILES}", "nproc=1000:1000")


def configure(folder: Path) -> dict[str, str]:
    """Variables that make every podman under them use a storage below the cache.

    The global options that NB_PODMAN_FLAGS has, such as --runtime=runc, go into its configuration.
    """
    flags = shlex.split(os.environ.get("NB_PODMAN_FLAGS", ""))
    found = dict(flag.removeprefix("--").split("=", 1) for flag in flags if "=" in flag)
    engine = [f'runtime = "{found["runtime"]}"'] if "runtime" in found else []
    limits = ", ".join(f'"{limit}"' for limit in LIMITS)
    settings = folder / "containers.conf"
    settings.write_text(
        "\n".join(["[engine]", *engine, "[containers]", f"default_ulimits = [{limits}]", ""])
    )
    storage = folder / "storage.conf"
    graph = cache.root() / "tests" / "podman"
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{graph}"\nrunroot = "{folder / "run"}"\n'
    )
    return {"CONTAINERS_CONF": str(settings), "CONTAINERS_STORAGE_CONF": str(storage)}


def podman(*arguments: str | Path, check: bool = True) -> str:
    """Run podman and return what it printed on stdout."""
    done = subprocess.run(
        ["podman", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def stand_in(suite: str = "trixie") -> str:
    """A base image with what a build needs of a system, for where no registry can be reached."""
    name = f"localhost/nb-test-base:{suite}"
    if subprocess.run(["podman", "image", "exists", name]).returncode == 0:
        return name
    folder = cache.root() / "tests" / f"base-{suite}"
    if not cache.is_intact(folder):
        with cache.publish(folder) as work:
            _debootstrap(suite, work)
    podman("import", "--quiet", folder / "root.tar", name)
    return name


def _debootstrap(suite: str, work: Path) -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("a base image takes debootstrap, and root")
    packages = ("python3", "python3-venv", "ca-certificates", "make", "perl", "tcl", "xz-utils")
    mirror = debian.mirrors(debian.CONFIGURATION)[0].uri
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        include = f"--include={','.join(packages)}"
        command = ["debootstrap", "--variant=minbase", include, suite, root, mirror]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no Debian mirror can be reached: {done.stdout[-300:]}")
        # The mirror and what else is this machine's does not go into an image.
        for path in ("etc/apt/sources.list", "etc/resolv.conf", "etc/hostname"):
            (root / path).unlink(missing_ok=True)
        for path in ("var/cache/apt/archives", "var/lib/apt/lists", "var/log"):
            shutil.rmtree(root / path, ignore_errors=True)
        subprocess.run(["tar", "-C", root, "-cf", work / "root.tar", "."], check=True)


def skip_without_podman() -> None:
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")


@contextmanager
def loaded(archive: Path) -> Iterator[str]:
    """``podman load`` of an image; its name while the block runs."""
    text = podman("load", "--quiet", "--input", archive)
    name = text.rpartition("Loaded image: ")[2].splitlines()[0]
    try:
        yield name
    finally:
        podman("rmi", "--force", name)


# Run in the container's network: (event) to the emulator, whose answer goes to stdout.
ASK = """
import sys, time, urllib.request
for attempt in range(600):
    try:
        with urllib.request.urlopen(sys.argv[1], sys.argv[2].encode(), timeout=60) as answer:
            sys.stdout.buffer.write(answer.read())
        break
    except urllib.error.HTTPError as error:  # of an init that failed
        sys.stdout.buffer.write(error.read())
        break
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError):
            raise
        time.sleep(0.05)
"""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A container with AWS's emulator in it, and no network but its own."""

    name: str

    def invoke(self, event: object) -> Any:
        pid = podman("inspect", "--format", "{{.State.Pid}}", self.name)
        assert pid != "0", self.log()
        within = ("nsenter", "--target", pid, "--net", sys.executable, "-c", ASK)
        rootless = () if os.geteuid() == 0 else ("podman", "unshare")
        done = subprocess.run(
            [*rootless, *within, URL, json.dumps(event)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode() + self.log()
        return json.loads(done.stdout)

    def log(self) -> str:
        done = subprocess.run(["podman", "logs", self.name], capture_output=True, text=True)
        return done.stdout + done.stderr


@contextmanager
def answering(*arguments: str | Path) -> Iterator[Running]:
    """``podman run`` with ``arguments``: options, an image that has the emulator, a command."""
    name = f"nb-test-{uuid.uuid4().hex[:12]}"
    podman("run", "--detach", "--name", name, "--network=none", *arguments)
    try:
        yield Running(name=name)
    finally:
        podman("rm", "--force", "--time", "0", name)


LATEST = 40  # entries of a kind that a test before may have used: a use makes them new again


def fill(folder: Path, kinds: Sequence[str] = WARM) -> Path:
    """Make ``folder`` a cache with hard links to this machine's pack and newest entries.

    A container sees nothing of the real one, and a build in it changes nothing there.
    """
    found = pack.path(targets.host())
    assert found is not None
    link(found.root, folder / "packs" / found.root.name)
    if EVERY:
        return folder
    shutil.copytree(
        cache.root() / "zig", folder / "zig", symlinks=True
    )  # Zig writes into its files
    for kind in kinds:
        entries = sorted((cache.root() / kind).glob("[!.]*"), key=lambda e: -e.stat().st_mtime)
        mine = [e for e in entries if not e.name.startswith(("module.app-", "constants_blob-"))]
        for entry in mine[:LATEST]:
            link(entry, folder / kind / entry.name)
    return folder


def link(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=os.link, symlinks=True)


def owned(folder: Path, user: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


def build_inside(image: str, private: Path, *arguments: str | Path, **environ: str) -> Cli:
    flags = ("--container", image, "--engine", "podman")
    return build_native("build", *arguments, *flags, NATIVE_BOOTSTRAP_CACHE=str(private), **environ)


def running() -> list[str]:
    return podman("ps", "--all", "--format", "{{.Names}}").split()


def chosen_for(project: Path, output: Path, image: str) -> options.Options:
    given = {"project": project, "output": output, "container": image, "engine": "podman"}
    return options.resolve(given, environ={})
