"""The environment that a build is told of: --env and --env-file.

What the function reads while it is initialised at build time has to be given here; a start compares
it with what is really there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dotenv import dotenv_values

from native_bootstrap.errors import ConfigError, UsageError

STORED_WARNING = "the value of {name} is stored in the snapshot: who has the zip can read it"
_NAME = re.compile(r"[^\s=!]+")
_SECRET = re.compile(r"(?i)key|secret|token|passw|credential|private")


def parse(given: Sequence[str], file: Path | None = None) -> dict[str, str | None]:
    """Name to value; None: declared as not set. What is given by itself counts more than the file.

    UsageError for an entry without a value, ConfigError for a file that cannot be read.
    """
    found = _from_file(file) if file is not None else {}
    for entry in given:
        name, equals, value = entry.partition("=")
        if not equals and entry.endswith("!") and _NAME.fullmatch(entry[:-1]):
            found[entry[:-1]] = None
        elif equals and _NAME.fullmatch(name) and "\0" not in value:
            found[name] = value
        else:
            raise UsageError(
                f"--env {entry}: not NAME=VALUE",
                hint="NAME= stands for an empty value, NAME! for a variable that is not set",
            )
    return dict(sorted(found.items()))


def check_event(file: Path) -> None:
    """ConfigError unless ``file`` holds an event to try the snapshot with."""
    try:
        json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"--event {file}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"--event {file}: not JSON: {error}") from error


def _from_file(file: Path) -> dict[str, str | None]:
    """A .env file. Nothing in it is taken from this machine's environment."""
    if not file.is_file():
        raise ConfigError(f"--env-file {file}: no such file")
    try:
        values = dotenv_values(file, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--env-file {file}: {error}") from error
    for name, value in values.items():
        if value is None or "\0" in value or not _NAME.fullmatch(name):
            raise ConfigError(f"--env-file {file}: {name}: not NAME=VALUE")
    return dict(values)


def shown(name: str, value: str | None) -> str:
    """For people: the value too, unless it looks like a secret."""
    if value is None:
        return f"{name} not set"
    return f"{name}={hidden(name, value)}"


def hidden(name: str, value: str | None) -> str | None:
    """The value for a report, which other people read."""
    return "…" if value and _SECRET.search(name) else value


def secrets(declared: Mapping[str, str | None]) -> list[str]:
    """Names whose values look like secrets: they would be stored in the image."""
    return [name for name, value in declared.items() if value and _SECRET.search(name)]
