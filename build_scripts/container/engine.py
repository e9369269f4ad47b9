"""Container engines: which one is there, and what its messages mean.

docker, podman, finch and nerdctl take the same commands as far as they are used here. Nothing of
what they print reaches the user as it is, but the progress of a pull or of an image build.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from native_bootstrap.errors import ContainerImageError, DiskFullError, EngineError, UsageError

if TYPE_CHECKING:
    from build_scripts.log import Log

NAMES = ("docker", "podman", "finch", "nerdctl")
TAIL_LINES = 6
NO_PERMISSION = re.compile(
    r"permission denied.{0,200}(?:daemon|socket|\.sock)|newuidmap|newgidmap|/etc/sub[ug]id"
    r"|no subuid ranges|rootless containerd not running|operation not permitted.*namespace",
    re.IGNORECASE | re.DOTALL,
)
NO_DAEMON = re.compile(
    r"cannot connect to the docker daemon|is the docker daemon running|cannot connect to podman"
    r"|connect: (?:no such file|connection refused).*(?:\.sock|daemon)|failed to connect to the"
    r"|cannot access containerd socket|failed to dial|error during connect|vm is not running",
    re.IGNORECASE,
)
NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
NO_IMAGE = re.compile(
    r"no such image|image not known|manifest unknown|not found|unauthorized|denied|unable to find"
    r"|initializing source|pinging container registry|dial tcp|no route|lookup |i/o timeout|x509"
    r"|short-name|did not resolve|tls:|context deadline|connection re|pull access",
    re.IGNORECASE,
)
PERMISSION_HINTS = {
    "docker": "add yourself to the group docker and log in again, or use rootless podman",
    "podman": "install uidmap and give your user ranges in /etc/subuid and /etc/subgid",
}
START_HINTS = {
    "docker": "start it: sudo systemctl start docker",
    "podman": "start it: podman machine start",
    "finch": "start it: finch vm start",
    "nerdctl": "start it: sudo systemctl start containerd",
}


@dataclass(frozen=True)
class Engine:
    """An engine that answers. ``path``: its program."""

    name: str
    path: Path
    log: Log

    def try_(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it to its end; whatever comes out of that is the caller's to judge."""
        self.log.detail(f"+ {self.name} {' '.join(map(str, arguments))}")
        return subprocess.run(
            [self.path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    def run(self, *arguments: str | Path, what: str) -> str:
        """Its output; an error that names ``what`` when it fails."""
        done = self.try_(*arguments)
        if done.returncode:
            raise self.explain(done.stderr or done.stdout, what)
        return done.stdout.strip()

    def explain(self, text: str, what: str) -> EngineError | ContainerImageError | DiskFullError:
        """The user's error behind what the engine said."""
        if NO_SPACE.search(text):
            return DiskFullError(
                f"the disk of {self.name} is full ({what})",
                hint=f"free some space: {self.name} system prune",
            )
        if NO_PERMISSION.search(text):
            hint = PERMISSION_HINTS.get(self.name, "give your user access to the engine")
            return EngineError(f"you may not use {self.name}: {_tail(text)}", hint=hint)
        if NO_DAEMON.search(text):
            return EngineError(
                f"{self.name} is installed, but its daemon does not answer: {_tail(text)}",
                hint=f"{START_HINTS[self.name]}; or build without --container",
            )
        return EngineError(f"{self.name} failed ({what}):\n{_tail(text)}")

    @cached_property
    def is_rootless(self) -> bool:
        """Whether root inside is the caller outside."""
        field = "{{.Host.Security.Rootless}}" if self.name == "podman" else "{{.SecurityOptions}}"
        done = self.try_("info", "--format", field)
        return "rootless" in done.stdout or done.stdout.strip() == "true"

    def image(self, name: str) -> dict[str, Any] | None:
        """What the engine knows of an image that it has: None when it has none of that name."""
        done = self.try_("image", "inspect", name)
        try:
            return dict(json.loads(done.stdout)[0]) if done.returncode == 0 else None
        except (ValueError, LookupError):
            return None

    def pull(self, name: str, *, platform: str) -> None:
        """Get an image from its registry."""
        with self.log.step("pull", detail=name):
            done = self.try_("pull", "--platform", platform, name)
        if done.returncode == 0:
            return
        text = done.stderr or done.stdout
        error = self.explain(text, f"pulling {name}")
        if isinstance(error, DiskFullError) or NO_DAEMON.search(text) or not NO_IMAGE.search(text):
            raise error
        raise ContainerImageError(
            f"there is no image {name} here, and none can be had from a registry:\n{_tail(text)}",
            hint=f"load or build it ({self.name} load, build-native container build), "
            "or correct its name",
        )


def _tail(text: str) -> str:
    """What the engine said last, without the repetitions of its attempts."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = re.compile(r"error|fatal|docker:|denied", re.IGNORECASE)
    errors = [line for line in lines if told.match(line)]
    return "\n".join((errors or lines)[-TAIL_LINES:])


def find(chosen: str = "", *, log: Log) -> Engine:
    """The engine called ``chosen``, or the first that is installed and answers."""
    if chosen and chosen not in NAMES:
        raise UsageError(f"--engine must be one of {', '.join(NAMES)}, not {chosen!r}")
    candidates = (chosen,) if chosen else NAMES
    found = [Engine(name, Path(path), log) for name in candidates if (path := shutil.which(name))]
    if not found:
        anything = f"no container engine is installed (looked for {', '.join(NAMES)})"
        raise EngineError(
            f"{chosen} is not installed" if chosen else anything,
            hint="install podman or docker; or build without --container, which gives the same",
        )
    problems = []
    for engine in found:
        problem = _problem(engine)
        if problem is None:
            return engine
        problems.append(problem)
    raise problems[0]


def _problem(engine: Engine) -> EngineError | ContainerImageError | DiskFullError | None:
    """Why an engine that is installed cannot be used."""
    done = engine.try_("version") if engine.name != "podman" else engine.try_("info")
    if done.returncode == 0:
        return None
    return engine.explain(done.stderr or done.stdout, "asking for its version")


def caller() -> tuple[int, int]:
    """Who runs this."""
    return os.getuid(), os.getgid()
