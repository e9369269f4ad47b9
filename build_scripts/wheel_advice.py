"""What to do about a package that has no wheel for the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from build_scripts import installer, resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from build_scripts.installer import Uv
    from build_scripts.requirements import Request

SHOWN_VERSIONS = 3


def way_out(uv: Uv, request: Request, name: str, version: str, by: Sequence[str]) -> str:
    """The hint for ``version`` of a package without a wheel for the target, which ``by`` require.

    Versions that have one come first, but not those of another time where something else is known.
    """
    known = resources.load("alternatives")["instead"].get(name, {})
    versions = _versions(uv, request, name)
    if versions and (not known or major(versions[0]) == major(version)):
        way = f"allow a version of {by[0]} that takes" if by else "require"
        where = "" if by else f" in {request.origin}"
        first = f"it has one in version {', '.join(versions)}: {way} that{where}"
    elif "take" in known:
        first = f"take {known['take']}, which does the same and has one"
    else:
        first = known.get("say", "take another package: no version of it has one")
    return (
        f"{first}; or build one yourself (pip wheel and auditwheel in an Alpine container) and "
        "name its folder with --find-links"
    )


def major(version: str) -> tuple[str, ...]:
    """``4`` of ``4.1.0``, ``0, 9`` of ``0.9.2``: what a version may be compatible with."""
    parts = tuple(version.split("."))
    return parts[:2] if parts[0] == "0" else parts[:1]


def _versions(uv: Uv, request: Request, name: str) -> list[str]:
    """The newest versions of ``name`` that have a wheel for the target, asked of the index."""
    found: list[str] = []
    while len(found) < SHOWN_VERSIONS:
        below = f"<{found[-1]}" if found else ""
        with request.only([f"{name}{below}"]) as arguments:
            version = installer.newest(uv, name, [*arguments, *installer.only_wheels([name])])
        if not version:
            break
        found.append(version)
    return found
