"""Which modules a program needs: the static import graph from the handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from build_scripts.sources.facts import FALLBACK, GUARDED, TOP, TYPING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from build_scripts.sources.facts import Facts

MANAGED_RUNTIME_ONLY = frozenset({"boto3", "botocore", "jmespath", "s3transfer", "urllib3"})


@dataclass(frozen=True, kw_only=True)
class Missing:
    """``module`` imports ``name`` when it is loaded, and nothing provides it."""

    module: str
    name: str

    @property
    def message(self) -> str:
        text = f"Unable to import module '{self.module}': No module named '{self.name}'"
        if self.name.partition(".")[0] in MANAGED_RUNTIME_ONLY:
            return (
                f"{text} (Lambda's managed Python brings it along, provided.al2023 does not: "
                "add it to the requirements)"
            )
        return f"{text} (fine if a layer brings it, else add it to the requirements)"


@dataclass(frozen=True, kw_only=True)
class Graph:
    """``at_start``: imported while the roots are imported; ``reachable``: also from functions."""

    at_start: frozenset[str]
    reachable: frozenset[str]


def walk(roots: Iterable[str], facts: Mapping[str, Facts]) -> Graph:
    """Follow the imports in ``facts`` (module name -> facts) from ``roots``."""
    wanted = list(roots)
    return Graph(
        at_start=frozenset(_closure(wanted, facts, only_top=True)),
        reachable=frozenset(_closure(wanted, facts, only_top=False)),
    )


def _closure(roots: list[str], facts: Mapping[str, Facts], *, only_top: bool) -> set[str]:
    found: set[str] = set()
    pending = [part for root in roots for part in _with_parents(root)]
    while pending:
        name = pending.pop()
        if name in found or name not in facts:
            continue
        found.add(name)
        for module, names, flags in facts[name].imports:
            if flags & TYPING or (only_top and not flags & TOP):
                continue
            pending += _with_parents(module)
            pending += [f"{module}.{taken}" for taken in names]
    return found


def _with_parents(name: str) -> Iterator[str]:
    name = name.removesuffix(".__init__")  # `from .__init__ import x`: the package itself
    for end, char in enumerate(name):
        if char == ".":
            yield name[:end]
    yield name


def missing(
    modules: Iterable[str], facts: Mapping[str, Facts], provided: frozenset[str]
) -> tuple[Missing, ...]:
    """Imports of ``modules`` that certainly run when they are loaded and that nothing answers.

    ``provided`` holds further names: builtin modules, namespace packages. A submodule counts only
    when its package is one of ``modules``: others make some by themselves (six.moves, os.path).
    """
    found = set()
    own = frozenset(modules)
    for module in sorted(own):
        for name, _, flags in facts[module].imports:
            if not flags & TOP or flags & (GUARDED | TYPING | FALLBACK):
                continue
            gone = [n for n in _with_parents(name) if n not in facts and n not in provided]
            parent = gone[0].rpartition(".")[0] if gone else ""
            if gone and (not parent or parent in own):
                found.add((module, gone[0]))
    return tuple(Missing(module=module, name=name) for module, name in sorted(found))
