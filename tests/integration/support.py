"""What the integration tests share besides fixtures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache
from native_bootstrap import invoke

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STAGES = (
    *("dependencies", "modules", "codegen", "objects", "archives", "programs"),
    *("snapshots", "zips"),
)
PACK_STAGES = ("sources", "steps", "packs")
FUNCTIONS = Path(__file__).parents[1] / "functions"


@dataclass(frozen=True, kw_only=True)
class Cli:
    """A finished ``build-native`` command."""

    status: int
    out: str
    err: str


def command(*arguments: str | Path) -> list[str]:
    """``build-native`` with ``arguments``: the script that was installed beside this Python."""
    return [str(Path(sys.executable).with_name("build-native")), *map(str, arguments)]


def build_native(*arguments: str | Path, cwd: Path | None = None, **environ: str) -> Cli:
    """Run the command line as a user does, in a process of its own."""
    done = subprocess.run(
        command(*arguments),
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Cli(status=done.returncode, out=done.stdout, err=done.stderr)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a program said to its first event, and what it printed."""

    ok: bool
    body: bytes
    log: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    program: Sequence[str | Path], event: object, *, cwd: Path | None = None, **environ: str
) -> Answer:
    """Start a bootstrap with exactly this environment (and PATH) and give it one event."""
    with (
        invoke.serve(json.dumps(event).encode()) as (address, exchange),
        tempfile.TemporaryFile() as log,
    ):
        process = subprocess.Popen(
            [*map(str, program)],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": address, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            answered = exchange.done.wait(30)
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        text = log.read().decode()
    assert answered, text
    assert exchange.answer is not None
    ok, body, _ = exchange.answer
    return Answer(ok=ok, body=body, log=text)


def linked_cache(
    folder: Path, cold: Sequence[str] = (), partly: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """Make ``folder`` a cache whose entries are links into the real one.

    Kinds in ``cold`` start empty; of ``partly`` (kind: prefixes) the entries so named are missing.
    """
    for kind in (*STAGES, *PACK_STAGES):
        (folder / kind).mkdir(parents=True)
        entries = () if kind in cold else (cache.root() / kind).glob("[!.]*")
        for entry in entries:
            if not entry.name.startswith(tuple((partly or {}).get(kind, ()))):
                (folder / kind / entry.name).symlink_to(entry)
    for kind in ("zig", "zig-local"):
        (folder / kind).symlink_to(cache.root() / kind)
    return folder


def assert_one_message(result: Cli, status: int, *words: str) -> None:
    """One message of the documented form, on stderr alone, with ``words`` and the exit code."""
    assert result.status == status, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    lines = result.err.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1, result.err
    message = result.err[result.err.index("error: ") :]
    for word in words:
        assert word in message


def leftovers(folder: Path) -> list[str]:
    """Scratch folders and partial files below a cache or an output folder."""
    found = [*folder.glob(".*"), *folder.glob("*/.*"), *folder.rglob("*.partial")]
    found += [*folder.glob("work/*")]
    return [str(path.relative_to(folder)) for path in found if path.name != ".complete.json"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
