"""Compiles packages that publish C or C++ sources, but no musllinux wheel, for the target by Zig.

The build backend runs in the runtime pack's own Python, of which it learns suffixes, flags and
headers; for another architecture it is told that one's, by CPython's variables for cross builds.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, installer, local_sources, pack, resources, targets
from build_scripts.scratch import private_folder
from build_scripts.toolchain import Toolchain, zig
from native_bootstrap.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from build_scripts.installer import Uv
    from build_scripts.pack import Pack
    from build_scripts.requirements import Request
    from build_scripts.targets import Target

KIND = "compiled"
# -s: without symbols and what else only a debugger reads (of scikit-learn three quarters).
_FLAGS = ("-s", "-g0", "-fno-sanitize=undefined")
# What assertions call their files: seen from the folder of the source, and from that of what the
# build requires, both of which uv gives random names.
_LATE = (
    '"-ffile-prefix-map=${PWD%%/src/*}=" '
    '"-ffile-prefix-map=${PWD%/src}=" ${VIRTUAL_ENV:+"-ffile-prefix-map=$VIRTUAL_ENV="}'
)
# The user's own settings for compilers are meant for this machine.
_NOT_OURS = (
    *("CFLAGS", "CPPFLAGS", "CXXFLAGS", "LDFLAGS", "ARCHFLAGS", "CMAKE_ARGS", "SKBUILD_CMAKE_ARGS"),
    *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_RUN_PATH"),
    *("UV_NO_CACHE", "DISTUTILS_DEBUG", "DIST_EXTRA_CONFIG"),
)
_LEFTOVERS = shutil.ignore_patterns("*.egg-info", "__pycache__", ".venv", "node_modules")
_SAYS_WHY = re.compile(r"^.*(?:\berror: |\bnot found\b|No such file).*$", re.MULTILINE)
_CHATTER = re.compile(r"Failed to build|build backend|exit status|command '.*' failed")
_IN_SOURCE = re.compile(r"^\s*\S*/(?:src|sources/[^/]+|builds-v0/[^/]+)/(?=\S)")


def is_promising(name: str) -> bool:
    """False for packages whose sources want more than a C compiler, or hours."""
    return name not in resources.load("alternatives")["not_compiled"]["names"]


def install(uv: Uv, request: Request, name: str, line: str, site: Path, *, target: Target) -> None:
    """Install the package ``name``, of which ``line`` is the requirement, compiled, into ``site``.

    May build runtime packs first. Raises ToolError with all that uv and the compiler said.
    """
    with private_folder() as work:
        line = _private_copy(line, work / "sources" / name)
        with (
            _compiling(uv, target, work) as compiling,
            request.only([line]) as arguments,
        ):
            flags = [*arguments, "--no-binary", name]
            installer.pip_install(compiling, compiling.platform, site, flags)


def _private_copy(line: str, folder: Path) -> str:
    """The line for a copy of the folder that ``line`` names, if it names one.

    Builds leave files beside the source, take up what they find there, and uv does not see every
    change of a source.
    """
    source = local_sources.of_line(line, Path("/"))
    if source is None or not source.is_dir():
        return line
    try:
        shutil.copytree(source, folder, ignore=_left_out(source), ignore_dangling_symlinks=True)
    except OSError as error:
        raise ToolError(f"error: {source} cannot be copied: {error}") from error
    name, at, _ = line.rpartition(" @ ")
    return f"{name}{at}{folder.as_uri()}"


def _left_out(source: Path) -> Callable[[str, list[str]], set[str]]:
    """What earlier builds made. The history stays: versions are taken from it."""

    def names(folder: str, found: list[str]) -> set[str]:
        top = {"build", "dist"}.intersection(found) if Path(folder) == source else set()
        return top | _LEFTOVERS(folder, found)

    return names


@contextmanager
def _compiling(uv: Uv, target: Target, work: Path) -> Iterator[Uv]:
    """uv as it builds sources. What it has built it keeps, away from the user's own uv cache."""
    there = pack.ensure(target, log=uv.log)
    host = targets.host()
    here = there if target == host else pack.ensure(host, log=uv.log)
    toolchain = Toolchain(target, work=work)
    kept = cache.root() / KIND / cache.content_key(here.key, there.key, toolchain.key, *_FLAGS)
    kept.mkdir(parents=True, exist_ok=True)
    os.utime(kept)  # when it was last of use
    cache.prune(KIND)
    env = {
        **dict.fromkeys(_NOT_OURS),
        **_compilers(toolchain, there),
        **_pkg_config(work / "pkgconfig", there),
        "UV_CACHE_DIR": str(kept),
    }
    native = replace(uv, python=here.python, env=env)
    if here is there:
        yield native
        return
    # uv asks an interpreter once. So what a build backend needs (Cython, numpy) is installed for
    # this machine, while the backend itself is told of the other one.
    installer.ask(native)
    yield replace(native, env={**env, **_cross(there, target)})


def _compilers(toolchain: Toolchain, there: Pack) -> dict[str, str]:
    ours = (cache.root(), zig().parent, toolchain.work)
    flags = (*_FLAGS, *(f"-ffile-prefix-map={folder}=" for folder in ours), f"-I{there.include}")
    commands = toolchain.wrappers(flags, _LATE)
    clean = toolchain.env()
    kept = ("PATH", "SOURCE_DATE_EPOCH", "ZIG_LOCAL_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR")
    return {
        **{name: clean[name] for name in kept},
        **commands,
        "LDSHARED": f"{commands['CC']} -shared",
        "LDCXXSHARED": f"{commands['CXX']} -shared",
    }


def _pkg_config(folder: Path, there: Pack) -> Mapping[str, str]:
    """What pkg-config finds, if there is one: the pack's Python, and nothing of this machine's."""
    folder.mkdir()
    fields = {
        "Name": "Python",
        "Description": "of the runtime pack",
        "Version": there.short_version,
        "Cflags": f"-I{there.include}".replace(" ", "\\ "),
    }
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    for name in ("python3", "python3-embed", f"python-{there.short_version}"):
        (folder / f"{name}.pc").write_text(text)
    return {"PKG_CONFIG_LIBDIR": str(folder), "PKG_CONFIG_PATH": ""}


def _cross(there: Pack, target: Target) -> Mapping[str, str]:
    return {
        "_PYTHON_HOST_PLATFORM": f"linux-{target.machine}",
        "_PYTHON_SYSCONFIGDATA_NAME": f"_sysconfigdata__linux_{target.triple}",
        "_PYTHON_SYSCONFIGDATA_PATH": str(there.stdlib),
    }


def reason_of(output: str) -> str:
    """The line of a failed build that says most: the first of a compiler or linker, or the last."""
    for line in _SAYS_WHY.findall(output):
        if not _CHATTER.search(line):
            return _IN_SOURCE.sub("", line).strip()
    _, _, told = output.partition("[stderr]")
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line.startswith("hint: ")), "")
