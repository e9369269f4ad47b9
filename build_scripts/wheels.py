"""Which form of each package is installed: its musllinux wheel, its source, or neither.

uv takes the newest allowed version that has a musllinux wheel for the target or a source package.
Sources are built without a compiler. Where that fails, or leaves code for this machine, the package
is asked for again as wheels only, which gives the newest older version that has one. What then has
no wheel at all may still work as plain Python (:mod:`build_scripts.pure`), or its source can be
compiled for the target (:mod:`build_scripts.source_builds`); else it is an error.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import installer, pure, source_builds
from build_scripts import pins as pins_of
from build_scripts import wheel_advice as advice
from build_scripts.elf_checks import is_elf
from build_scripts.modules import is_named_so
from build_scripts.requirements import normalise
from build_scripts.scratch import private_folder
from native_bootstrap.errors import NoUsableWheelError, ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from build_scripts.installer import Uv
    from build_scripts.pins import Pins
    from build_scripts.requirements import Request
    from native_bootstrap.errors import FatalError

    # source_builds.install for a target.
    Builder = Callable[[Uv, Request, str, str, Path], None]

COMPILED = "compiled here from its source"
NAME = r"([A-Za-z0-9][A-Za-z0-9._-]*?)"
BUILD_FAILED = re.compile(
    rf"^error: Failed to (?:download and )?build `{NAME}(?:==([^`]+)| @ ([^`]*))?`", re.MULTILINE
)
WITHOUT = re.compile(
    rf"(?:^|[\s(]){NAME}(?:[<>=!~]\S*)? (?:has|have) no (?:wheels with a matching|usable wheels)"
    rf"|^error: Package `{NAME}` can't be installed",
    re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """A package that has no wheel: it works without ``dropped``, its compiled files, or was built
    here. ``reason`` says which, and why that is known."""

    dropped: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """By normalised name: what fell back, and why an older version was taken."""

    fallbacks: Mapping[str, Fallback] = field(default_factory=dict)
    older: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Lacking:
    """A package of which ``version`` has no wheel and no source that can be built here.

    ``url``: of one that comes from a certain place. ``error`` None: it was built, with code for
    this machine in it.
    """

    name: str
    version: str
    error: ToolError | None
    url: str = ""


def install(
    uv: Uv, request: Request, site: Path, *, refresh: bool, builder: Builder | None = None
) -> Outcome:
    """Resolve and install ``request`` into the empty folder ``site``.

    Without ``builder`` no source is compiled. Raises ResolutionError or NoUsableWheelError.
    """
    extra = ["--refresh"] if refresh else request.looking_again
    if request.prefers_wheels:
        only = [*request.arguments, *extra, "--only-binary", ":all:"]
        if _attempt(uv, request, site, only) is None:
            return Outcome()
    lacking: dict[str, _Lacking] = {}
    newest: Pins | None = None
    fresh: list[str] = []
    while True:
        arguments = [*request.arguments, *extra, *installer.only_wheels(lacking), *fresh]
        error = _attempt(uv, request, site, arguments)
        found = _not_built(error) if error else _built_code(site)
        if found is None or found.name in lacking or _is_older(found.name, found.version, newest):
            break
        if error is None and not fresh:
            fresh = ["--no-cache"]  # uv's own may have it from a build with a compiler
        else:
            newest = newest or pins_of.resolve(uv, request, ())
            lacking[found.name] = found
        _empty(site)
    if error is None and found is None and not _went_back(site, lacking, newest):
        return Outcome(older={name: one.version for name, one in lacking.items()})
    named = _without_any(error) if error and found is None else set(lacking)
    try:
        return _without_wheels(uv, request, site, lacking, named or set(lacking), error, builder)
    except NoUsableWheelError:
        if error is not None or found is not None or not _is_near(site, lacking, newest):
            raise
    return Outcome(older={name: one.version for name, one in lacking.items()})


def _is_older(name: str, version: str, newest: Pins | None) -> bool:
    from packaging.version import Version  # late, as in requirements

    known = newest.versions.get(name, version) if newest is not None else version
    return known != version and bool(version) and Version(version) < Version(known)


def _went_back(site: Path, lacking: Mapping[str, _Lacking], newest: Pins | None) -> bool:
    """Whether too much was given up for a wheel: uv goes back years if it has to.

    That is an old version of another package, from before it required the one that has no wheel, or
    a pure one from before it had compiled parts.
    """
    for found in installer.installed(site):
        name = normalise(found.name)
        if name in lacking:
            if not any("musllinux" in tag for tag in found.tags):
                return True
        elif _is_older(name, found.version, newest):
            return True
    return False


def _is_near(site: Path, lacking: Mapping[str, _Lacking], newest: Pins | None) -> bool:
    """Whether what is installed is all new, but for packages that went back within one major
    version. Of years ago nobody should get something without having asked for it."""
    for found in installer.installed(site):
        name = normalise(found.name)
        if name in lacking:
            if advice.major(found.version) != advice.major(lacking[name].version):
                return False
        elif _is_older(name, found.version, newest):
            return False
    return True


def _without_any(error: ToolError) -> set[str]:
    """The packages that a resolution failed for."""
    return {normalise(one or two) for one, two in WITHOUT.findall(error.message)}


def _attempt(uv: Uv, request: Request, site: Path, arguments: Sequence[str]) -> ToolError | None:
    """Install for the target; the error when it is about wheels, others are raised."""
    try:
        installer.pip_install(uv, uv.platform, site, arguments)
    except ToolError as error:
        if not installer.is_about_wheels(error.message):
            raise installer.explain(error.message, request.origin, error.kept) from error
        return error
    return None


def _not_built(error: ToolError) -> _Lacking | None:
    found = BUILD_FAILED.search(error.message)
    if found is None:
        return None
    return _Lacking(
        name=normalise(found[1]), version=found[2] or "", error=error, url=found[3] or ""
    )


def _built_code(site: Path) -> _Lacking | None:
    """A package that was built from its source here and holds code for this machine."""
    for found in installer.installed(site):
        if found.is_built and any(
            is_named_so(path) and is_elf(site / path) for path in found.files
        ):
            return _Lacking(name=normalise(found.name), version=found.version, error=None)
    return None


def _without_wheels(
    uv: Uv,
    request: Request,
    site: Path,
    lacking: Mapping[str, _Lacking],
    names: AbstractSet[str],
    error: ToolError | None,
    builder: Builder | None,
) -> Outcome:
    """``names`` have no wheel for the target: those in plain Python or compiled, the rest as ever.

    ``site`` is as it was if that does not work.
    """
    error = error or ToolError("")
    solvable = [name for name in lacking if name not in names]
    pins = pins_of.resolve(uv, request, solvable)
    for known in lacking.values():
        pins = pins and pins.named(known.name, known.url)
    pending = [name for name in sorted(names) if pins is not None and name in pins.lines]
    if pins is None or not pending:
        raise _refusal(uv, request, lacking, sorted(names), pins, error)
    fallbacks: dict[str, Fallback] = {}
    with private_folder(parent=site.parent) as folder:
        while pending:
            for name in pending:
                found = _fallback(uv, request, pins, name, folder / name, builder)
                if not isinstance(found, Fallback):
                    raise _refusal(uv, request, lacking, [name], pins, error, found)
                fallbacks[name] = found
            rest = [line for name, line in pins.lines.items() if name not in fallbacks]
            others = folder / ".others"
            with request.only(rest) as arguments:
                flags = installer.only_wheels(solvable)
                failed = _attempt(uv, request, others, [*arguments, *flags])
            one = _not_built(failed) if failed else None
            pins = pins.named(one.name, one.url) if one else pins
            if failed and (one is None or one.name not in pins.lines or one.name in fallbacks):
                raise _refusal(uv, request, lacking, [], pins, failed)
            pending = [one.name] if one else []
        _empty(site)
        for part in folder.iterdir():
            shutil.copytree(part, site, dirs_exist_ok=True)
    older = {name: lacking[name].version for name in solvable}
    return Outcome(fallbacks=fallbacks, older=older)


def _fallback(
    uv: Uv, request: Request, pins: Pins, name: str, scratch: Path, builder: Builder | None
) -> Fallback | ToolError | None:
    """Install one package without a wheel into ``scratch``; else why its source did not compile."""
    plain = _in_plain_python(uv, request, pins, name, scratch)
    if plain is not None or builder is None:
        return plain
    if not source_builds.is_promising(name) and not request.wants_source_of(name):
        return None
    return _compiled(uv, request, pins, name, scratch, builder)


def _in_plain_python(
    uv: Uv, request: Request, pins: Pins, name: str, scratch: Path
) -> Fallback | None:
    """Install one package without its compiled files into ``scratch``, if it works so.

    Its wheel for glibc has them as separate files. A source that was built without a compiler and
    without them says by itself that they are optional.
    """
    glibc = uv.platform.replace("-musl", "-gnu")
    built_here = ["--no-binary", name]
    for platform, flags in ((glibc, installer.only_wheels([name])), ("", built_here)):
        scratch.mkdir()
        with request.only([pins.lines[name]]) as arguments:
            try:
                installer.pip_install(uv, platform, scratch, [*arguments, *flags])
            except ToolError as error:
                if installer.is_elsewhere(error.message):
                    raise installer.explain(error.message, request.origin, error.kept) from error
                _remove(scratch)
                continue
        (found,) = installer.installed(scratch)
        compiled = tuple(path for path in found.files if pure.is_compiled(path))
        if not compiled:
            return Fallback(dropped=(), reason="built from its source without compiled parts")
        verdict = pure.judge(found.files, scratch)
        if verdict.is_optional and platform:
            for path in compiled:
                (scratch / path).unlink()
            return Fallback(dropped=compiled, reason=verdict.reason)
        _remove(scratch)
    return None


def _compiled(
    uv: Uv, request: Request, pins: Pins, name: str, scratch: Path, builder: Builder
) -> Fallback | ToolError:
    """The same, compiled from its source."""
    scratch.mkdir()
    with uv.log.step(f"compile {name}", detail="no wheel for the target: from its source"):
        try:
            builder(uv, request, name, pins.lines[name], scratch)
        except ToolError as error:
            if installer.is_elsewhere(error.message):
                raise installer.explain(error.message, request.origin, error.kept) from error
            return error
    (found,) = installer.installed(scratch)
    # A folder that cannot be written to is built as a copy, also where nothing is to be compiled.
    has_code = any(pure.is_compiled(path) for path in found.files)
    return Fallback(dropped=(), reason=COMPILED if has_code else "")


def _refusal(
    uv: Uv,
    request: Request,
    lacking: Mapping[str, _Lacking],
    names: Sequence[str],
    pins: Pins | None,
    error: ToolError,
    uncompilable: ToolError | None = None,
) -> FatalError:
    """The user's error for the first of ``names``."""
    if not names:
        return installer.explain(error.message, request.origin, error.kept)
    name = names[0]
    failed = lacking.get(name)
    version = pins.versions.get(name, "") if pins else ""
    version = version or (failed.version if failed else "") or request.pinned(name)
    label = f"{name} {version}".rstrip()
    by = pins.wanted_by.get(name, ()) if pins else ()
    asked = f" (required by {', '.join(by)})" if by else ""
    cause = uncompilable or (failed.error if failed and failed.error else error)
    reason = installer.reason_of(cause.message)
    if uncompilable is not None and (line := source_builds.reason_of(cause.message)):
        reason = f"compiling its source failed: {line}"
    elif uncompilable is None and failed and failed.error is None:
        reason = "built from its source it holds code for this machine"
    return NoUsableWheelError(
        f"{label}{asked} has compiled parts and no musllinux wheel for Python "
        f"{installer.PYTHON_VERSION} on {uv.platform.partition('-')[0]}:\n{reason}",
        hint=advice.way_out(uv, request, name, version, by),
        kept=cause.kept,
    )


def _empty(site: Path) -> None:
    _remove(site)
    site.mkdir()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
