"""From the results of the steps to one published pack."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, process, targets
from build_scripts.pack import model
from build_scripts.pack.recipes import cpython
from build_scripts.toolchain import CODE_FLAGS, Toolchain, zig_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from build_scripts.log import Log
    from build_scripts.pack.model import Pack
    from build_scripts.pack.sources import Source
    from build_scripts.pack.steps import Progress, Step

SITE = Path(__file__).with_name("sitecustomize.py")
OWN_TEXT = Path(__file__).read_bytes() + SITE.read_bytes()  # as steps.RECIPE_TEXTS, early
FORMAT = 1  # of the folder's layout; part of the key
# CPython's find_library() runs ldconfig and compilers, and finds the system's libraries, which are
# glibc's. What is part of the program is known (nb_dl.c has the names that it answers to); the rest
# are the function's own. Not those of a layer: an image knows of none.
FIND_LIBRARY = r"""

_inside = {
    "c": "libc.so.6", "m": "libm.so.6", "pthread": "libpthread.so.0", "dl": "libdl.so.2",
    "rt": "librt.so.1", "util": "libutil.so.1", "crypt": "libcrypt.so.1", "z": "libz.so.1",
}


def find_library(name):
    return _inside.get(name) or _of_the_function(name)


def _of_the_function(name):
    import re
    version = re.compile(r"lib%s\.so((?:\.[0-9]+)*)" % re.escape(name)).fullmatch
    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    for folder in (task, os.path.join(task, "lib")):
        try:
            found = [match for match in map(version, os.listdir(folder)) if match]
        except OSError:
            continue
        if found:
            newest = max(found, key=lambda match: [int(n) for n in match[1].split(".")[1:]])
            return os.path.join(folder, newest[0])
    return None
"""
LIBRARY_STEPS = ("libc", "zlib", "bzip2", "xz", "libffi", "sqlite", "openssl", "extensions")


def key_of(steps: Mapping[str, Step], *, without: tuple[str, ...] = ()) -> str:
    parts = (f"{name}={step.key}" for name, step in sorted(steps.items()) if name not in without)
    return cache.content_key(str(FORMAT), OWN_TEXT, *parts)


def root_of(steps: Mapping[str, Step], sources: Mapping[str, Source], arch: str) -> Path:
    version = cpython.short(sources["python"].version)
    return model.folder() / f"{version}-{arch}-{key_of(steps)}"


def publish(
    steps: Mapping[str, Step],
    sources: Mapping[str, Source],
    *,
    host_python: Path | None,
    progress: Progress,
    log: Log,
) -> Pack:
    """Put the pack together in its place. Files are hard links to the steps' results."""
    target = steps["program"].target
    short = cpython.short(sources["python"].version)
    root = root_of(steps, sources, target.arch)
    with log.step("assemble the pack", detail=target.arch), cache.publish(root) as out:
        for name in LIBRARY_STEPS:
            _link_tree(steps[name].entry / "lib", out / "lib")
        for step in steps.values():
            _link_tree(step.entry / "licenses", out / "licenses")
        # Besides CPython's headers those of libraries that the C core calls itself.
        _link_tree(steps["zlib"].entry / "include", out / "include")
        base = steps["cpython"].entry
        _link_tree(base / "include", out / "include")
        _link_tree(base / "stdlib", out / "lib" / f"python{short}")
        # It reaches for the machine's libncurses through ctypes, which a static program cannot
        # load. Without it the interactive shells go on without line editing instead of failing.
        (out / "lib" / f"python{short}" / "_pyrepl" / "_minimal_curses.py").unlink()
        util = out / "lib" / f"python{short}" / "ctypes" / "util.py"
        _replace(util, util.read_text() + FIND_LIBRARY)
        _replace(out / "lib" / f"python{short}" / SITE.name, SITE.read_text())
        _link_tree(steps["program"].entry / "bin", out / "bin")
        # Where sysconfig looks for the Makefile of an installed Python.
        config = f"config-{short}-{target.triple}"
        _link_tree(base / "configured", out / "lib" / f"python{short}" / config)
        # getpath's landmark for exec_prefix; without it every start prints a warning.
        dynload = out / "lib" / f"python{short}" / "lib-dynload"
        dynload.mkdir()
        (dynload / "README.txt").write_text("All extension modules are built into python.\n")
        python = host_python or out / "bin" / f"python{short}"
        _sysconfig(python, base / "configured", target, out / "lib" / f"python{short}", log)
        info = _info(steps, sources, progress, root.name)
        info["files"] = model.manifest(out)
        (out / model.INFO).write_text(json.dumps(info, indent=1))
        model.stamp(out)
    found = model.read(root)
    assert found is not None, "a pack that was just published can be read"
    return found


def _replace(file: Path, text: str) -> None:
    """Write ``file``, which may be a link to a step's result."""
    file.unlink(missing_ok=True)
    file.write_text(text)


def _link_tree(source: Path, into: Path) -> None:
    """Copy a folder as hard links (or files, across file systems); times stay as they are."""
    if source.is_dir():
        shutil.copytree(source, into, dirs_exist_ok=True, copy_function=_link)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _sysconfig(
    python: Path, configured: Path, target: targets.Target, stdlib: Path, log: Log
) -> None:
    """Let sysconfig write the target's build variables, as CPython's Makefile does."""
    name = f"_sysconfigdata__linux_{target.triple}"
    work = stdlib / ".sysconfig"
    work.mkdir()
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "PYTHONDONTWRITEBYTECODE": "1",
        "_PYTHON_PROJECT_BASE": str(configured),
        "_PYTHON_HOST_PLATFORM": f"linux-{target.machine}",
        "_PYTHON_SYSCONFIGDATA_NAME": name,
    }
    process.run(
        [python, "-S", "-m", "sysconfig", "--generate-posix-vars"],
        log=log,
        cwd=work,
        env=env,
        what="writing sysconfig's variables",
    )
    (made,) = work.rglob(f"{name}.py")
    text = made.read_text()
    for place in (str(configured), str(stdlib)):
        text = text.replace(place, "/usr/src/python/build")
    (stdlib / f"{name}.py").write_text(text)
    shutil.rmtree(work)


def _info(
    steps: Mapping[str, Step], sources: Mapping[str, Source], progress: Progress, name: str
) -> dict[str, object]:
    target = steps["program"].target
    return {
        "format": FORMAT,
        "name": name,
        "key": key_of(steps),
        "base_key": key_of(steps, without=("program",)),
        "arch": target.arch,
        "triple": target.triple,
        "cpu": target.cpu,
        "zig": zig_version(),
        "flags": {
            "toolchain": Toolchain(target).key,
            "python": " ".join((*cpython.OPTIMISATION, *CODE_FLAGS, *cpython.FLAGS)),
        },
        "sources": {source.name: source.summary for source in sources.values()},
        "seconds": {step: round(value, 1) for step, value in progress.seconds.items()},
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
