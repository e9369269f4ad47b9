"""The stock CPython that awslambdaric runs on, and what is installed for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from uv import find_uv_bin

from native_bootstrap.errors import FatalError

AWSLAMBDARIC = "awslambdaric==4.2.2"
PYTHON = "3.13"


class UnavailableError(FatalError):
    """A contender that cannot run here; the message says why."""


def find_stock(named: str) -> str:
    """A CPython 3.13 of this machine's own: as ``named``, found by uv, or pyenv's newest."""
    if named and not (shutil.which(named) or Path(named).is_file()):
        raise UnavailableError(f"no such Python: {named}")
    if named:
        return named
    with suppress(subprocess.CalledProcessError):
        return uv(["python", "find", "--no-project", "--system", PYTHON]).strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = list(pyenv.glob(f"versions/{PYTHON}.*/bin/python{PYTHON}"))
    if found:
        return str(max(found, key=lambda path: path.stat().st_mtime))
    client = AWSLAMBDARIC.partition("==")[0]
    raise UnavailableError(f"no CPython {PYTHON} found to run {client} on; name one with --stock")


def install(arguments: list[str | Path], python: Path | None) -> None:
    """Packages, with ``python`` or for a CPython 3.13 that is not asked."""
    chosen = ["--python", python] if python else ["--python-version", PYTHON]
    uv(["pip", "install", "--quiet", *chosen, *arguments])


def uv(arguments: list[str | Path]) -> str:
    return run([find_uv_bin(), *arguments])


def run(command: list[str | Path]) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, check=True, capture_output=True, env=kept)
    return done.stdout.decode("utf-8", "replace")
