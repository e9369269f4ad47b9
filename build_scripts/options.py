"""Options: command line > environment (BUILD_NATIVE_*) > [tool.native-bootstrap] > defaults.

Resolved once into a frozen dataclass; every later stage only reads it.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_type_hints

from build_scripts import targets
from native_bootstrap.errors import ConfigError, ProjectNotFoundError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib

ENV_PREFIX = "BUILD_NATIVE_"
TABLE = "native-bootstrap"
COMMAND_LINE = "command line"
ENVIRONMENT = "environment"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What one build is asked to do.

    ``origins`` says for every field where its value came from (``build-native config``).
    """

    handler: str = ""
    project: Path = Path()
    output: Path = Path()
    requirements: Path | None = None
    arch: str = field(default_factory=lambda: targets.host().arch)
    cpu: str = ""
    code: str = "native"
    compile: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strip_source: bool = False
    keep_sources: bool = False
    refresh: bool = False
    aws_services: tuple[str, ...] = ()
    symbols: str = "needed"
    json: str = "orjson"
    snapshot: str = "auto"
    env: tuple[str, ...] = ()
    env_file: Path | None = None
    salt: str = ""
    event: Path | None = None
    explain_snapshot: bool = False
    report: Path | None = None
    container: str = ""
    engine: str = ""
    emulate: bool = False
    verbose: bool = False
    debug: bool = False
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def target(self) -> targets.Target:
        target = targets.find(self.arch)
        return dataclasses.replace(target, cpu=self.cpu) if self.cpu else target


CHOICES = {
    "code": ("native", "bytecode"),
    "symbols": ("needed", "all"),
    "json": ("orjson", "stdlib"),
    "snapshot": ("auto", "full", "runtime", "off"),
}
# Where each option may be set. A handler or a project folder in the environment would surprise.
NOT_IN_ENV = {"handler", "project", "origins"}
NOT_IN_TABLE = {"project", "verbose", "debug", "explain_snapshot", "origins"}


def resolve(command_line: Mapping[str, Any], *, environ: Mapping[str, str] = os.environ) -> Options:
    """Merge all sources; values of None on the command line count as not given."""
    given = {name: value for name, value in command_line.items() if value is not None}
    project = Path(given.get("project", "."))
    if not project.is_dir():
        problem = "not a folder" if project.exists() else "no such project folder"
        raise ProjectNotFoundError(
            f"{problem}: {project}",
            hint="give the folder that holds your handler with --project DIR",
        )
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source, found in (
        (f"{project / 'pyproject.toml'} [tool.{TABLE}]", _from_pyproject(project)),
        (ENVIRONMENT, _from_environment(environ)),
        (COMMAND_LINE, given),
    ):
        for name, value in found.items():
            values[name] = _convert(name, value, source)
            origins[name] = source
    if "output" not in values:
        values["output"] = Path("dist", _default_name(values))
    names = (item.name for item in dataclasses.fields(Options) if item.name != "origins")
    complete = {name: origins.get(name, "default") for name in names}
    return Options(**values, origins=complete)


def _default_name(values: Mapping[str, Any]) -> str:
    """``--project examples/hello`` builds dist/hello; ``build app.handler`` builds dist/app."""
    if "project" in values:
        return str(Path(values["project"]).resolve().name)
    return str(values.get("handler", "")).replace("/", ".").split(".")[0] or "app"


def _from_pyproject(project: Path) -> dict[str, Any]:
    path = project / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get(TABLE, {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: [tool.{TABLE}] must be a table")
    allowed = [f.name for f in dataclasses.fields(Options) if f.name not in NOT_IN_TABLE]
    found = {key.replace("-", "_"): value for key, value in table.items()}
    for key in found:
        if key not in allowed:
            raise _unknown_key(path, key.replace("_", "-"), [a.replace("_", "-") for a in allowed])
    # Paths in a project's file are meant from that file on.
    for key in ("requirements", "output", "report", "env_file", "event"):
        if isinstance(found.get(key), str):
            found[key] = project / found[key]
    return found


def _unknown_key(path: Path, key: str, allowed: list[str]) -> ConfigError:
    close = difflib.get_close_matches(key, allowed, 1)
    return ConfigError(
        f"{path}: unknown key {key!r} in [tool.{TABLE}]",
        hint=f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(allowed))}",
    )


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    allowed = {f.name for f in dataclasses.fields(Options)} - NOT_IN_ENV
    found: dict[str, Any] = {}
    for variable, value in environ.items():
        name = variable.removeprefix(ENV_PREFIX).lower()
        if name in allowed and variable.startswith(ENV_PREFIX):
            found[name] = value
        elif variable.startswith(ENV_PREFIX):
            known = {each: ENV_PREFIX + each.upper() for each in sorted(allowed)}
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {known[close[0]]}?" if close else ""
            raise ConfigError(
                f"environment: unknown option {variable}",
                hint=hint or f"known: {', '.join(known.values())}",
            )
    return found


def _convert(name: str, value: Any, source: str) -> Any:
    """``value`` as the type of the option ``name``; ConfigError names option and source."""
    kind = get_type_hints(Options)[name]
    label = f"{source}: option {name.replace('_', '-')!r}"
    if source == COMMAND_LINE and name in CHOICES and value not in CHOICES[name]:
        choices = ", ".join(CHOICES[name])
        raise UsageError(f"--{name} must be one of {choices}, not {value!r}")
    if kind is bool:
        return _as_bool(value, label)
    if kind == tuple[str, ...]:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)) or not all(isinstance(i, str) for i in items):
            raise ConfigError(f"{label} must be a list of strings, not {value!r}")
        return tuple(item.strip() for item in items if item.strip())
    if kind is Path or Path in get_args(kind):
        if not isinstance(value, (str, Path)):
            raise ConfigError(f"{label} must be a path, not {value!r}")
        return Path(value)
    if not isinstance(value, str):
        raise ConfigError(f"{label} must be a string, not {value!r}")
    if name in CHOICES and value not in CHOICES[name]:
        raise ConfigError(f"{label} must be one of {', '.join(CHOICES[name])}, not {value!r}")
    return value


def _as_bool(value: Any, label: str) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes"):
        return True
    if str(value).lower() in ("0", "false", "no", ""):
        return False
    raise ConfigError(f"{label} must be true or false, not {value!r}")
