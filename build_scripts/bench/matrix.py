"""What runs against what: ``matrix.toml``, and files like it that add to it or replace parts."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from native_bootstrap.errors import ConfigError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib

KINDS = ("limit", "awslambdaric", "interpreted", "build", "command")
_HERE = Path(__file__).parent
# An installed package has a copy beside it; in a checkout there is one place for it.
HOME = next(
    folder
    for folder in (_HERE / "data", _HERE.parents[1] / "benchmarks")
    if (folder / "matrix.toml").is_file()
)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to run a function. ``code`` and ``snapshot`` are the build's, for kind "build";
    ``command`` and ``task`` (what is at /var/task) for kind "command"."""

    name: str
    kind: str
    about: str = ""
    code: str = "native"
    snapshot: str = "auto"
    command: tuple[str, ...] = ()
    task: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Stub:
    """A service on a port of the loopback interface that always answers with ``body``."""

    port: int
    content_type: str
    body: Path


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A function with an event. ``memory``: sizes to run it with, None: those of the run."""

    name: str
    project: Path
    handler: str = "app.handler"
    about: str = ""
    event: bytes = b"{}"
    environ: Mapping[str, str] = field(default_factory=dict)
    env_file: Path | None = None
    requirements: Path | None = None
    stub: Stub | None = None
    memory: tuple[int, ...] | None = None
    cold_cache: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """``runs``: cold starts of a cell; ``memory``: in MB, each with its share of the CPU."""

    contenders: Mapping[str, Contender]
    workloads: Mapping[str, Workload]
    runs: int
    memory: tuple[int, ...]
    cold_cache: bool
    reference: str

    def choose(self, contenders: Sequence[str], workloads: Sequence[str]) -> Matrix:
        """Only these; all where none is named. A workload's name also stands for those under it:
        kernels for kernels.nbody and the others."""
        chosen = _chosen("contender", self.contenders, contenders)
        wanted = _chosen("workload", self.workloads, workloads)
        return dataclasses.replace(self, contenders=chosen, workloads=wanted)


def _chosen(what: str, known: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    for name in names:
        if not any(_is(found, name) for found in known):
            raise UsageError(f"no {what} {name!r}", hint=f"known: {', '.join(known)}")
    return {n: v for n, v in known.items() if not names or any(_is(n, name) for name in names)}


def _is(found: str, name: str) -> bool:
    return found == name or found.startswith(f"{name}.")


def load(*extra: Path) -> Matrix:
    """The project's own matrix with those files on top, the last one counts."""
    contenders: dict[str, Contender] = {}
    workloads: dict[str, Workload] = {}
    settings: dict[str, Any] = {}
    for file in (HOME / "matrix.toml", *extra):
        table = _read(file)
        settings |= _checked(table, "settings", file, {"runs", "memory", "cold_cache", "reference"})
        for name, row in table.get("contenders", {}).items():
            contenders[name] = _contender(name, row, file)
        for name, row in table.get("workloads", {}).items():
            workloads[name] = _workload(name, row, file)
    settings["memory"] = tuple(settings["memory"])
    return Matrix(contenders=contenders, workloads=workloads, **settings)


def _read(file: Path) -> dict[str, Any]:
    try:
        table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error
    for name in table.keys() - {"settings", "contenders", "workloads"}:
        raise ConfigError(
            f"{file}: unknown table [{name}]",
            hint="[settings], [contenders.NAME] and [workloads.NAME] are known",
        )
    return table


def _checked(table: Mapping[str, Any], name: str, file: Path, known: set[str]) -> dict[str, Any]:
    row = dict(table.get(name, {}))
    for key in row.keys() - known:
        raise ConfigError(
            f"{file}: unknown key {key!r} in [{name}]", hint=f"known: {', '.join(sorted(known))}"
        )
    return row


def _contender(name: str, given: Mapping[str, Any], file: Path) -> Contender:
    known = {item.name for item in dataclasses.fields(Contender)} - {"name"}
    row = _checked({name: given}, name, file, known)
    if row.get("kind") not in KINDS:
        raise ConfigError(f"{file}: contender {name}: kind must be one of {', '.join(KINDS)}")
    if row["kind"] == "command" and not row.get("command"):
        raise ConfigError(
            f"{file}: contender {name} has no command",
            hint='like command = ["./bootstrap"]; it runs in the folder `task`',
        )
    row["command"] = tuple(row.get("command", ()))
    if "task" in row:
        row["task"] = file.parent / row["task"]
    return Contender(name=name, **row)


def _workload(name: str, given: Mapping[str, Any], file: Path) -> Workload:
    known = {item.name for item in dataclasses.fields(Workload)} - {"name", "env_file"}
    row = _checked({name: given}, name, file, known)
    if "project" not in row:
        raise ConfigError(f"{file}: workload {name} has no project", hint="name its folder")
    row["project"] = file.parent / row["project"]
    row["event"] = _event(name, row.get("event", {}), row["project"], file)
    if "requirements" in row:
        row["requirements"] = file.parent / row["requirements"]
    if "memory" in row:
        row["memory"] = tuple(row["memory"])
    if "stub" in row:
        stub = _checked(row, "stub", file, {"port", "content_type", "body"})
        row["stub"] = Stub(**{**stub, "body": row["project"] / stub["body"]})
    return Workload(name=name, **row)


def _event(name: str, given: object, project: Path, file: Path) -> bytes:
    """A table is the event itself, a string the name of a file in the project."""
    if not isinstance(given, str):
        return json.dumps(given).encode()
    try:
        return (project / given).read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: event of {name}: {error.strerror}: {given}") from error
