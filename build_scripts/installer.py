"""Everything that talks to uv, and what its messages mean."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from build_scripts import cache, process
from build_scripts.requirements import normalise
from build_scripts.scratch import private_folder
from native_bootstrap.errors import FatalError, NoUsableWheelError, ResolutionError, ToolError

if TYPE_CHECKING:
    from build_scripts.log import Log

PYTHON_VERSION = "3.13"
NO_COMPILER: Mapping[str, str | None] = MappingProxyType(
    dict.fromkeys(("CC", "CXX", "FC", "RUSTC"), "false")
)
_QUIET = ("--no-progress", "--color", "never")
REASON_LINES = 12
KEPT_LOGS = 30
_runs = itertools.count(1)
NETWORK = re.compile(
    r"failed to fetch|error sending request|dns error|connection refused|network was disabled"
    r"|network is unreachable|timed out|unable to access|could not resolve host|tunnel error"
    r"|certificate",
    re.IGNORECASE,
)
WRONG_HASH = re.compile(r"hash mismatch|hash-checking", re.IGNORECASE)
_FOREIGN_OUTPUT = ("[stdout]", "[stderr]")
NO_WHEEL = re.compile(
    r"ha(s|ve) no wheels with a matching|ha(s|ve) no usable wheels"
    r"|no source distribution|have a source distribution or wheel for|failed to build"
    r"|building source distributions is disabled|has no binary distribution|build backend"
    r"|is not compatible with the target",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Uv:
    """How uv is run. ``cwd`` is the project: its [tool.uv] (indexes and the like) applies.

    ``platform``: the target. ``env``: on top of this process's (None: not set); without it there is
    no compiler, so that a source with an optional extension is built without it, everywhere alike.
    """

    python: Path
    platform: str
    cwd: Path
    log: Log
    env: Mapping[str, str | None] = field(default_factory=lambda: NO_COMPILER)


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A distribution in a site folder; ``files`` are relative paths, its metadata included.

    ``tags`` are its wheel's; ``is_built``: uv made that wheel here, from a source package.
    """

    name: str
    version: str
    files: tuple[str, ...]
    tags: tuple[str, ...]
    is_built: bool


def pip_install(uv: Uv, platform: str, site: Path, arguments: Iterable[str]) -> str:
    """``uv pip install`` into ``site``; with ``platform`` "" for the Python that runs this."""
    flags: list[str | Path] = ["--link-mode", "copy", "--no-compile-bytecode", "--no-editable"]
    return _run(
        uv,
        [*("pip", "install", "--target", site), *_where(uv, platform), *flags, *_QUIET, *arguments],
    )


def ask(uv: Uv) -> None:
    """Let uv learn all about ``uv.python``, which it keeps in its cache."""
    _run(uv, ["pip", "list", *_where(uv, ""), *_QUIET])


def only_wheels(names: Iterable[str]) -> list[str]:
    """Flags that forbid to build these packages from source."""
    return [word for name in names for word in ("--only-binary", name)]


def compile_pins(uv: Uv, platform: str, target: Path, arguments: Iterable[str]) -> None:
    """``uv pip compile`` into the file ``target``: a line for each package and who asks for it."""
    flags = ("--no-header", "--annotation-style", "line", "--quiet", "-o", target)
    _run(uv, ["pip", "compile", *_where(uv, platform), *flags, *_QUIET, *arguments])


def newest(uv: Uv, package: str, arguments: Iterable[str]) -> str:
    """The newest version of ``package`` that ``arguments`` allow for the target; "" if none."""
    with private_folder() as scratch:
        try:
            output = pip_install(uv, uv.platform, scratch, ["--dry-run", *arguments])
        except ToolError:
            return ""
    for name, found in re.findall(r"^ \+ ([A-Za-z0-9._-]+)==(\S+)", output, re.MULTILINE):
        if normalise(name) == normalise(package):
            return str(found)
    return ""


def export_lock(uv: Uv, target: Path) -> None:
    """Write what the project's uv.lock holds, with its hashes, as requirements to ``target``."""
    flags = ("--frozen", "--no-dev", "--no-emit-project", "--no-editable", "--no-header")
    try:
        _run(uv, ["export", *flags, *_QUIET, "--quiet", "-o", target])
    except ToolError as error:
        raise explain(error.message, "uv.lock", error.kept) from error


def _where(uv: Uv, platform: str) -> list[str | Path]:
    there = ["--python-platform", platform, "--python-version", PYTHON_VERSION] if platform else []
    return ["--python", uv.python, "--no-python-downloads", *there]


def _run(uv: Uv, arguments: list[str | Path]) -> str:
    from uv import find_uv_bin

    wanted = {**os.environ, **NO_COMPILER, **uv.env, "VIRTUAL_ENV": None}
    env = {name: value for name, value in wanted.items() if value is not None}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    kept = _log_file()
    command: list[str | Path] = [find_uv_bin(), *arguments]
    try:
        output = process.run(command, log=uv.log, cwd=uv.cwd, env=env, log_file=kept, what="uv")
    except ToolError as error:
        # The reason stands before the last lines, which are a traceback of some build backend.
        whole = kept.read_text("utf-8", "replace") if kept.exists() else error.message
        raise ToolError(whole, hint=error.hint, kept=kept) from error
    kept.unlink(missing_ok=True)
    return output


def _log_file() -> Path:
    """For one run of uv; those of failed runs stay, the last of them."""
    folder = cache.root() / "logs"
    with suppress(OSError):  # other builds remove theirs meanwhile
        old = sorted(folder.glob("dependencies-*.log"), key=lambda path: path.stat().st_mtime)
        for path in old[:-KEPT_LOGS]:
            path.unlink()
    return folder / f"dependencies-{os.getpid()}-{next(_runs)}.log"


def reason_of(output: str) -> str:
    """The first lines of uv's own error, without the output of a build backend."""
    return "\n".join(_told(output).splitlines()[:REASON_LINES])


def _told(output: str) -> str:
    """All of uv's own error; what a build backend printed is in the log that is kept."""
    start = output.find("error: ")
    lines = [line.rstrip() for line in output[max(start, 0) :].splitlines()]
    lines = [line for line in lines if line and not line.startswith("hint:")]
    output_at = [number for number, line in enumerate(lines) if line.strip() in _FOREIGN_OUTPUT]
    del lines[output_at[0] if output_at else len(lines) :]
    return "\n".join(lines).removeprefix("error: ")


def is_about_wheels(output: str) -> bool:
    """Whether a package is there, but not in a form for the target."""
    return not is_elsewhere(output) and bool(NO_WHEEL.search(_told(output)))


def is_elsewhere(output: str) -> bool:
    """Whether the network or a wrong file is to blame: then no other form may be tried."""
    return _is_about_network(output) or bool(WRONG_HASH.search(_told(output)))


def _is_about_network(output: str) -> bool:
    return bool(NETWORK.search(_told(output))) or "network was disabled" in output


def explain(output: str, origin: str, kept: Path | None = None) -> FatalError:
    """The user's error behind a failed run of uv, whose whole output lies in ``kept``."""
    reason = reason_of(output)
    if _is_about_network(output):
        return ResolutionError(
            f"cannot reach the package index to resolve {origin}:\n{reason}",
            hint="check the network and the index settings (UV_INDEX_URL, [tool.uv]); an unchanged "
            "rebuild needs no network",
            kept=kept,
        )
    if WRONG_HASH.search(_told(output)):
        return ResolutionError(
            f"a package is not the one that {origin} names by its hash:\n{reason}",
            hint="find out why it changed before you take the new hash over (uv lock, "
            "uv pip compile --generate-hashes)",
            kept=kept,
        )
    if is_about_wheels(output):
        return NoUsableWheelError(
            f"a requirement of {origin} has no wheel for the target and cannot be built as plain "
            f"Python:\n{reason}",
            hint="choose a version or a package that has a musllinux wheel",
            kept=kept,
        )
    return ResolutionError(
        f"{origin} cannot be resolved:\n{reason}",
        hint="correct the requirement and try again",
        kept=kept,
    )


def installed(site: Path) -> list[Installed]:
    """The distributions in ``site``, by name."""
    found = []
    for info in sorted(site.glob("*.dist-info")):
        fields = HeaderParser().parsestr((info / "METADATA").read_text("utf-8", "replace"))
        files = recorded(info / "RECORD")
        inside = tuple(path for path in files if not path.startswith(("/", "..")))
        wheel = HeaderParser().parsestr((info / "WHEEL").read_text("utf-8", "replace"))
        found.append(
            Installed(
                name=fields["Name"],
                version=fields["Version"],
                files=inside,
                tags=tuple(wheel.get_all("Tag", [])),
                is_built=(info / "uv_build.json").is_file() or _is_from_folder(info),
            )
        )
    return found


def recorded(record: Path) -> list[str]:
    """The paths in a RECORD, as they stand there: relative to the folder above it, most of them."""
    lines = record.read_text("utf-8", "replace").splitlines()
    paths = (line.rpartition(",")[0].rpartition(",")[0].strip('"') for line in lines)
    return [path for path in paths if path]


def _is_from_folder(info: Path) -> bool:
    """Whether a distribution was built from a local folder or a repository (PEP 610)."""
    origin = info / "direct_url.json"
    if not origin.is_file():
        return False
    told = json.loads(origin.read_text("utf-8"))
    return "dir_info" in told or "vcs_info" in told
