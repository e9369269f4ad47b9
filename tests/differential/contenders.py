"""The programs that are compared, and how each is started."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
FUNCTIONS = HERE / "functions"
BROKEN = HERE / "broken"
REPOSITORY = HERE.parents[1]
REFERENCE_VERSION = "4.2.2"
_REQUIREMENTS = (f"awslambdaric=={REFERENCE_VERSION}", "urllib3>=2", "orjson>=3.10")
_VERSION = (3, 13)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contender:
    """A Lambda runtime: `command(handler)` starts it in `folder`."""

    name: str
    command: Callable[[tuple[str, ...]], list[str]]
    folder: Path
    environ: dict[str, str]


def reference(python: Path) -> Contender:
    """AWS's own client, interpreted by the given Python."""
    return Contender(
        name="reference",
        command=lambda arguments: [str(python), "-m", "awslambdaric", *arguments],
        folder=FUNCTIONS,
        environ={"PYTHONPATH": str(BROKEN)},
    )


def interpreted(python: Path) -> Contender:
    """Our runtime, interpreted by the same Python."""
    return Contender(
        name="interpreted",
        command=lambda arguments: [str(python), "-m", "native_bootstrap.runtime", *arguments],
        folder=FUNCTIONS,
        environ={"PYTHONPATH": f"{BROKEN}{os.pathsep}{REPOSITORY}"},
    )


def compiled(bootstrap: Path, folder: Path, emulator: tuple[str, ...] = ()) -> Contender:
    """Our compiled program; `folder` is its (empty) task root, the broken modules lie beside it.

    `emulator` is what runs a program for another architecture.
    """
    return Contender(
        name="compiled",
        command=lambda arguments: [*emulator, str(bootstrap), *arguments],
        folder=folder,
        environ={
            "PYTHONPATH": str(BROKEN),
            "LAMBDA_TASK_ROOT": str(folder),
            "NATIVE_BOOTSTRAP_SNAPSHOT": "off",
        },
    )


def snapshot(bootstrap: Path, folder: Path) -> Contender:
    """The compiled program, from its snapshot: in /var/task, where `folder` is mounted.

    There are the program and the broken modules: a PYTHONPATH would be a reason to start normally.
    """
    shutil.copytree(BROKEN, folder, dirs_exist_ok=True)
    shutil.copy(bootstrap, folder)
    return Contender(
        name="compiled",
        command=lambda arguments: [*_at_var_task(folder), "./bootstrap", *arguments],
        folder=folder,
        environ={"LAMBDA_TASK_ROOT": "/var/task"},
    )


def _at_var_task(folder: Path) -> list[str]:
    """The command that runs what follows it there, with no variable more (a shell sets some)."""
    options = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    enter = (
        'mount -t tmpfs none /var && mkdir /var/task && mount --bind "$0" /var/task'
        ' && cd /var/task && exec env -u PWD -u OLDPWD -u _ "$@"'
    )
    return ["unshare", *options, "sh", "-c", enter, str(folder)]


def may_be_at_var_task(folder: Path) -> bool:
    """False where no mount namespace is allowed."""
    command = [*_at_var_task(folder), "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def find_python() -> Path:
    """The Python for the reference client: CPython 3.13, like the compiled program's.

    `$NATIVE_BOOTSTRAP_REFERENCE_PYTHON`, else `python3.13` on PATH or among pyenv's versions, else
    the Python that runs the tests (then messages that changed between versions may differ).
    """
    named = os.environ.get("NATIVE_BOOTSTRAP_REFERENCE_PYTHON")
    if named:
        return Path(named)
    if sys.version_info[:2] == _VERSION:
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which("python3.13"), *sorted(pyenv.glob("versions/3.13*/bin/python3.13"))]
    for candidate in candidates:
        if candidate and _answers(str(candidate)):
            return Path(candidate)
    return Path(sys.executable)


def _answers(python: str) -> bool:
    """Shims of pyenv exist for versions that are not selected: ask."""
    try:
        done = subprocess.run([python, "-c", "import sys"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def reference_environment(cache: Path) -> Path:
    """The Python of a virtual environment that holds the reference client; made once, then kept."""
    python = find_python()
    key = hashlib.sha256(f"{python} {_REQUIREMENTS}".encode()).hexdigest()[:12]
    folder = cache / f"reference-{key}"
    interpreter = folder / "bin" / "python"
    if (folder / "complete").exists():
        return interpreter
    shutil.rmtree(folder, ignore_errors=True)
    if Path(sys.executable) == python:
        venv.create(folder, with_pip=True)
    else:
        subprocess.run([str(python), "-m", "venv", str(folder)], check=True, capture_output=True)
    subprocess.run(
        [str(interpreter), "-m", "pip", "install", "--quiet", *_REQUIREMENTS],
        check=True,
        capture_output=True,
        text=True,
    )
    (folder / "complete").touch()
    return interpreter
