"""Packages whose compiled parts have no musllinux wheel: which also work as plain Python?

Some try their compiled part and go on without (PyMongo publishes wheels for glibc only); that shows
in their source: the import stands in a ``try`` that survives an ImportError.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts.modules import EXTENSION_SUFFIXES, is_named_so
from build_scripts.sources import facts as facts_of
from build_scripts.sources.facts import GUARDED, RERAISED, TOP, TYPING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from build_scripts.sources.facts import Facts


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``is_optional``: works without its compiled files; ``reason``: why, or why not."""

    is_optional: bool
    reason: str


def is_compiled(path: str) -> bool:
    """Extension modules and the libraries that travel with them (``lib….so.3`` too)."""
    return is_named_so(path) or path.endswith(EXTENSION_SUFFIXES)


def judge(files: Sequence[str], site: Path) -> Verdict:
    """Judge one installed package; ``files`` are its own."""
    compiled = tuple(path for path in files if is_compiled(path))
    broken = _needing(compiled, files, site)
    return Verdict(is_optional=not broken, reason=broken or "its imports are guarded")


def _needing(compiled: Sequence[str], files: Sequence[str], site: Path) -> str:
    """Why the package needs its compiled part; "" when it does not."""
    known = _facts(files, site)
    extensions = {
        _module_name(path) for path in compiled if "." not in path.rpartition("/")[0]
    } - known.keys()  # with a twin in Python (mypyc, Cython's pure mode) nothing is lost
    broken = _spread(extensions, known)
    tried = {
        target
        for name, facts in known.items()
        if name not in broken
        for target, flags in _targets(facts)
        if target in broken and flags & GUARDED
    }
    for name in sorted(broken - extensions):
        if name not in tried and not _is_private(name):
            return f"{name} cannot be imported without it"
    for name in sorted(extensions):
        users = {user for user in _spread({name}, known) if user in tried}
        if not users:
            return f"nothing in the package does without {name}"
    return ""


def _facts(files: Sequence[str], site: Path) -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    for path in files:
        stem, dot, suffix = path.rpartition(".")
        if not dot or suffix != "py" or "." in stem:
            continue
        is_package = stem.endswith("/__init__")
        name = stem.removesuffix("/__init__").replace("/", ".")
        parsed = facts_of.parse((site / path).read_bytes(), path)
        found[name] = (
            facts_of.Facts()
            if isinstance(parsed, facts_of.Problem)
            else facts_of.read(parsed[0], name, is_package)
        )
    return found


def _spread(seed: set[str], known: Mapping[str, Facts]) -> set[str]:
    """``seed`` and every module whose import fails without it."""
    broken = set(seed)
    while True:
        more = {
            name
            for name, facts in known.items()
            if name not in broken
            and (
                name.rpartition(".")[0] in broken
                or any(
                    target in broken and flags & TOP and not flags & (GUARDED | TYPING)
                    for target, flags in _targets(facts)
                )
            )
        }
        if not more:
            return broken
        broken |= more


def _targets(facts: Facts) -> Iterable[tuple[str, int]]:
    for module, names, flags in facts.imports:
        # An inner `try` that raises again does not help, an outer one that swallows does.
        yield module, flags & ~RERAISED
        for name in names:
            yield f"{module}.{name}", flags & ~RERAISED


def _module_name(path: str) -> str:
    folder, _, file = path.rpartition("/")
    stem = file.partition(".")[0]
    return f"{folder.replace('/', '.')}.{stem}" if folder else stem


def _is_private(name: str) -> bool:
    return any(
        part.startswith("_") or part in ("tests", "test", "testing", "benchmarks")
        for part in name.split(".")
    )
