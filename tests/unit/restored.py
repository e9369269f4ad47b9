"""A restored process without the C side: initialise, `freeze`, fork, another environment, `thaw`.

That is what a restored process is meant to be: a forked child. What the program's C core does on
top (environment, clocks, a dump) is played by a fake `_nb_snapshot`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
OLDEST = (3, 12)
BUILD = {"PATH": "/usr/bin:/bin", "TZ": ":UTC", "LANG": "en_US.UTF-8", "LAMBDA_TASK_ROOT": "/task"}
RUNNING = {**BUILD, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}

PROGRAM = """
import json, os, sys, types
setup = json.loads(sys.stdin.readline())
sys.path[:0] = setup["path"]
running = {}
native = types.ModuleType("_nb_snapshot")
def refresh_environ(environ):
    for name in list(environ):
        os.unsetenv(name)
    environ.clear()
    for name, value in running.items():
        os.putenv(name, value)
        environ[name.encode()] = value.encode()
native.refresh_environ = refresh_environ
def streams():
    facts = 8 * os.isatty(1)
    for fd in range(3):
        try:
            os.lseek(fd, 0, os.SEEK_CUR)
            facts |= 1 << fd
        except OSError:
            pass
    return facts
native.streams = streams
sys.modules["_nb_snapshot"] = native
sys.argv[1:] = ["--native-bootstrap-initialise", "/nb/plan.json"]
from native_bootstrap.runtime.snapshot import adapters, hooks, restore
seen = []   # what the observer would see, and what is taken care of
exec(setup["before"])
restore.begin()
import app
restore.freeze()
sys.stdout.flush()
for running in setup["running"]:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            loaded = set(sys.modules)
            restore.thaw(setup["arguments"])
            loaded = sorted(set(sys.modules) - loaded)
            space = {"app": app, "loaded": loaded, "seen": seen}
            exec(setup["then"], space)
            sys.__stdout__.write(json.dumps(space["result"]) + "\\n")
            sys.__stdout__.flush()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("the restored process failed")
"""


@functools.cache
def python() -> Path:
    """A stock CPython ≥ 3.12: the one that runs the tests, else 3.13 or 3.12 where they lie."""
    if sys.version_info >= OLDEST:
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in ("3.13", "3.12"):
        for found in (
            *sorted(pyenv.glob(f"versions/{version}*/bin/python{version}"), reverse=True),
            shutil.which(f"python{version}"),
        ):
            if found:
                return Path(found)
    pytest.skip("no CPython ≥ 3.12")


@functools.cache
def environment(*requirements: str) -> Path:
    """The Python of a virtual environment with these packages, kept between sessions."""
    key = hashlib.sha256(f"{python()} {requirements}".encode()).hexdigest()[:12]
    caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = caches / "native-bootstrap" / f"libraries-{key}"
    interpreter = folder / "bin" / "python"
    if (folder / "complete").exists():
        return interpreter
    shutil.rmtree(folder, ignore_errors=True)
    uv = [sys.executable, "-m", "uv", "--quiet"]
    try:
        subprocess.run([*uv, "venv", "--python", python(), folder], check=True)
        subprocess.run([*uv, "pip", "install", "--python", interpreter, *requirements], check=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{requirements} cannot be installed here: {error}")
    (folder / "complete").touch()
    return interpreter


def run(
    folder: Path,
    source: str,
    then: str,
    *,
    before: str = "",
    interpreter: Path | None = None,
    running: dict[str, str] | list[dict[str, str]] | None = None,
    arguments: tuple[str, ...] = (),
    fails: bool = False,
    **streams: object,
) -> list:
    """Import `source` as the module `app`, freeze, and run `then` (it sets `result`) in each child.

    `before` runs before the function's modules are imported; `running` is the child's environment,
    or a list of them: a child for each.
    """
    running = RUNNING if running is None else running
    (folder / "app.py").write_text(source)
    setup = {
        "path": [str(folder), str(REPOSITORY)],
        "before": before,
        "then": then,
        "running": running if isinstance(running, list) else [running],
        "arguments": arguments,
    }
    options: dict = {"stdout": subprocess.PIPE, **streams}
    done = subprocess.run(
        [interpreter or python(), "-s", "-B", "-c", PROGRAM],
        input=json.dumps(setup) + "\n",
        stderr=subprocess.PIPE,
        text=True,
        env=BUILD,
        cwd=folder,
        check=False,
        **options,
    )
    assert bool(done.returncode) is fails, done.stderr
    if fails:
        return [done.stderr]
    return [json.loads(line) for line in (done.stdout or "").splitlines() if line[:1] in '[{"tfn']
