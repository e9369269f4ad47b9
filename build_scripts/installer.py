"""Everything that talks to uv, and what its messages mean."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, process
from build_scripts.requirements import normalise
from native_bootstrap.errors import FatalError, NoUsableWheelError, ResolutionError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from build_scripts.log import Log
    from build_scripts.requirements import Request

PYTHON_VERSION = "3.13"
# A platform that uv knows and nobody builds wheels for: only pure wheels are left.
ONLY_PURE = "loongarch64-unknown-linux-gnu"
REASON_LINES = 12
NETWORK = re.compile(
    r"failed to fetch|error sending request|dns error|connection refused|network was disabled"
    r"|network is unreachable|timed out|unable to access|could not resolve host|tunnel error"
    r"|certificate",
    re.IGNORECASE,
)
NO_WHEEL = re.compile(
    r"has no wheels with a matching|has no usable wheels|have no usable wheels"
    r"|no source distribution|failed to build|build backend|is not compatible with the target",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Uv:
    """How uv is run. ``cwd`` is the project: its [tool.uv] (indexes and the like) applies."""

    python: Path
    platform: str
    cwd: Path
    log: Log


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A distribution in a site folder; ``files`` are relative paths, its metadata included."""

    name: str
    version: str
    files: tuple[str, ...]


def install(uv: Uv, request: Request, site: Path, *, refresh: bool) -> None:
    """Resolve and install ``request`` into ``site``."""
    with tempfile.TemporaryDirectory() as scratch:
        arguments = list(request.arguments)
        if request.is_lock:
            exported = Path(scratch, "requirements.txt")
            _export_lock(uv, exported)
            arguments = ["-r", str(exported)]
        if refresh:
            arguments.append("--refresh")
        arguments.append("--no-editable")
        try:
            _pip_install(uv, uv.platform, site, arguments)
        except ToolError as error:
            if NO_WHEEL.search(error.message) and _install_glibc(uv, site, arguments):
                return
            raise explain(error.message, request.origin, error.kept) from error


def _install_glibc(uv: Uv, site: Path, arguments: Iterable[str]) -> bool:
    """The second try for packages that publish no musl wheels (pymongo).

    Compiled parts must be optional anyway and are dropped, so those for glibc do as well.
    """
    try:
        _pip_install(uv, uv.platform.replace("-musl", "-gnu"), site, arguments)
    except ToolError:
        return False
    return True


def install_pure(uv: Uv, request: Request, found: Installed, scratch: Path) -> bool:
    """Install the same version from a pure wheel into ``scratch``, if there is one."""
    wanted = request.line_of(found.name) or f"{found.name}=={found.version}"
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder, "requirements.txt")
        listing.write_text("\n".join([*request.places, wanted, ""]), "utf-8")
        extra = ["--no-deps", "--only-binary", ":all:", "-r", str(listing)]
        try:
            _pip_install(uv, ONLY_PURE, scratch, extra)
        except ToolError:
            return False
    return not any(path.suffix == ".so" for path in scratch.rglob("*"))


def _pip_install(uv: Uv, platform: str, site: Path, arguments: Iterable[str]) -> None:
    common = ("--python-platform", platform, "--python-version", PYTHON_VERSION)
    flags = ("--link-mode", "copy", "--no-compile-bytecode", "--no-progress", "--color", "never")
    _run(
        uv, ["pip", "install", "--python", uv.python, "--target", site, *common, *flags, *arguments]
    )


def _export_lock(uv: Uv, target: Path) -> None:
    flags = ("--frozen", "--no-dev", "--no-emit-project", "--no-editable", "--no-progress")
    try:
        _run(uv, ["export", *flags, "--color", "never", "--quiet", "-o", target])
    except ToolError as error:
        raise explain(error.message, "uv.lock", error.kept) from error


def _run(uv: Uv, arguments: list[str | Path]) -> str:
    from uv import find_uv_bin

    # No compiler: an sdist with an optional extension builds without it, on every machine alike.
    env = {**os.environ, "CC": "false", "CXX": "false", "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("VIRTUAL_ENV", None)
    kept = cache.root() / "logs" / f"dependencies-{os.getpid()}.log"
    kept.unlink(missing_ok=True)
    command: list[str | Path] = [find_uv_bin(), *arguments]
    try:
        output = process.run(command, log=uv.log, cwd=uv.cwd, env=env, log_file=kept, what="uv")
    except ToolError as error:
        # The reason stands before the last lines, which are a traceback of some build backend.
        whole = kept.read_text("utf-8", "replace") if kept.exists() else error.message
        raise ToolError(whole, hint=error.hint, kept=kept) from error
    kept.unlink()
    return output


def explain(output: str, origin: str, kept: Path | None = None) -> FatalError:
    """The user's error behind a failed run of uv, whose whole output lies in ``kept``."""
    start = output.find("error: ")
    lines = [line.rstrip() for line in output[max(start, 0) :].splitlines()]
    lines = [line for line in lines if line and not line.startswith("hint:")]
    output_at = [number for number, line in enumerate(lines) if line.strip() == "[stdout]"]
    del lines[output_at[0] if output_at else len(lines) :]  # of a build backend; it is in ``kept``
    reason = "\n".join(lines[:REASON_LINES]).removeprefix("error: ")
    if NETWORK.search(reason) or "network was disabled" in output:
        return ResolutionError(
            f"cannot reach the package index to resolve {origin}:\n{reason}",
            hint="check the network and the index settings (UV_INDEX_URL, [tool.uv]); an unchanged "
            "rebuild needs no network",
            kept=kept,
        )
    if NO_WHEEL.search(reason):
        return NoUsableWheelError(
            f"a requirement of {origin} has no wheel for the target and cannot be built as plain "
            f"Python:\n{reason}",
            hint="binary wheels come with a later version; choose a package in plain Python",
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
        record = (info / "RECORD").read_text("utf-8", "replace").splitlines()
        files = [line.rpartition(",")[0].rpartition(",")[0].strip('"') for line in record]
        inside = tuple(path for path in files if path and not path.startswith(("/", "..")))
        found.append(Installed(name=fields["Name"], version=fields["Version"], files=inside))
    return found


def required_by(name: str, site: Path) -> list[str]:
    """Names of the distributions in ``site`` that ask for ``name``."""
    found = []
    for info in sorted(site.glob("*.dist-info")):
        fields = HeaderParser().parsestr((info / "METADATA").read_text("utf-8", "replace"))
        for line in fields.get_all("Requires-Dist", []):
            match = re.match(r"[A-Za-z0-9._-]+", line)
            if match and normalise(match[0]) == normalise(name) and "extra ==" not in line:
                found.append(str(fields["Name"]))
                break
    return found


def remove(files: Iterable[str], site: Path) -> None:
    """Delete ``files``; folders that get empty go with :func:`dependencies._clean`."""
    for path in files:
        (site / path).unlink(missing_ok=True)
