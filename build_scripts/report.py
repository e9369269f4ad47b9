"""What a build did: report.json for machines, a short table for people."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from build_scripts import cache, declared, dependencies, wheels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.contents import Contents
    from build_scripts.dependencies import Dependencies, Package
    from build_scripts.json_engine import JsonEngine
    from build_scripts.link import Program
    from build_scripts.modules import SharedObject
    from build_scripts.options import Options
    from build_scripts.pack import Pack
    from build_scripts.package import Package as Zip
    from build_scripts.snapshot.take import Snapshot

MB = 1e6
_SHOWN = 3  # modules that are deferred for what they import
SCHEMA = 1


def own_version() -> str:
    return version("native-bootstrap")


def collect(
    *,
    options: Options,
    pack: Pack,
    installed: Dependencies,
    contents: Contents,
    compiled: Sequence[str],
    shared: Sequence[SharedObject],
    engine: JsonEngine,
    program: Program,
    snapshot: Snapshot,
    package: Zip,
    times: Mapping[str, float],
    seconds: float,
) -> dict[str, Any]:
    """The report as plain data. Sizes in bytes, times in seconds."""
    return {
        "schema": SCHEMA,
        "handler": options.handler,
        "arch": options.arch,
        "cpu": options.target.cpu,
        "code": options.code,
        "versions": {
            "native-bootstrap": own_version(),
            "python": pack.version,
            "nuitka": version("nuitka"),
            "ziglang": version("ziglang"),
        },
        "pack": pack.key,
        "json": engine.label,
        "sizes": {
            "bootstrap": snapshot.program.stat().st_size,
            "zip": package.zipped,
            "unzipped": package.unzipped,
            "shared_objects": sum(program.embedded.values()),
        },
        "sha256": package.sha256,
        "snapshot": _snapshot_facts(snapshot),
        "compiled": list(compiled),
        "modules": len(contents.stores.keys() - contents.extensions.keys()),
        "extensions": len(contents.extensions),
        "shared_objects": [
            {"path": one.path, "size": program.embedded[one.path], "package": one.package}
            for one in sorted(shared, key=lambda one: one.path)
        ],
        "imported_at_start": len(contents.at_start),
        "packages": [_package_facts(one) for one in installed.packages],
        "warnings": [
            *installed.warnings,
            *contents.warnings,
            *(missing.message for missing in contents.missing),
            *program.warnings,
            *package.warnings,
        ],
        "seconds": round(seconds, 3),
        "stages": {name: round(seconds, 3) for name, seconds in times.items()},
        "host": {"machine": platform.machine(), "python": platform.python_version()},
    }


def _package_facts(one: Package) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "wheel": one.tags[0] if one.tags else "",
        "compiled": len(one.compiled),
        "without": list(one.fell_back),
        "why": one.reason,
    }


def _snapshot_facts(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "level": snapshot.level,
        "reason": snapshot.reason,
        "modules": list(snapshot.modules),
        "heap": snapshot.heap,
        "size": snapshot.size,
        "deferred": [dict(row) for row in snapshot.deferred],
        "guards": {name: declared.hidden(name, value) for name, value in snapshot.guards.items()},
        "declared": list(snapshot.declared),
        "warnings": list(snapshot.warnings),
        "story": list(snapshot.story),
    }


def write(facts: Mapping[str, Any], target: Path) -> None:
    """Write report.json; it appears complete or not at all."""
    with cache.translate_os_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        try:
            partial.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def table(facts: Mapping[str, Any], output: Path) -> Table:
    """The end of a build on a terminal."""
    sizes = facts["sizes"]
    grid = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for _ in range(3):
        grid.add_column(overflow="fold")  # a path that is cut off is of no use
    where = escape(str(output))
    grid.add_row("bootstrap", f"{sizes['bootstrap'] / MB:.1f} MB", f"{where}/bootstrap")
    grid.add_row("zip", f"{sizes['zip'] / MB:.1f} MB", f"{where}/function.zip")
    grid.add_row("python", facts["versions"]["python"], f"static, {facts['arch']} ({facts['cpu']})")
    own = [name for name in facts["compiled"] if not name.startswith("native_bootstrap.")]
    shown = ", ".join(own[:4]) + (f" and {len(own) - 4} more" if len(own) > 4 else "")
    grid.add_row("compiled", str(len(facts["compiled"])), f"{shown} and the runtime loop".strip())
    grid.add_row("bytecode", str(facts["modules"] - len(facts["compiled"])), "modules")
    if facts["shared_objects"]:
        size = f"{sizes['shared_objects'] / MB:.1f} MB in the program"
        grid.add_row("shared objects", str(len(facts["shared_objects"])), size)
    _add_snapshot(grid, facts["snapshot"])
    grid.add_row("packages", str(len(facts["packages"])), _packages(facts["packages"]))
    stages = facts["stages"]
    slow = "  ".join(f"{name} {seconds:.1f}" for name, seconds in stages.items() if seconds >= 0.05)
    grid.add_row("time", f"{facts['seconds']:.1f} s", slow)
    return grid


def story(facts: Mapping[str, Any]) -> Sequence[str]:
    """What went into the image and why, line by line (--explain-snapshot)."""
    lines: Sequence[str] = facts["snapshot"]["story"]
    return lines


def _add_snapshot(grid: Table, snapshot: Mapping[str, Any]) -> None:
    """What is in the image, what is not and why, and what it depends on."""
    heap = f"heap {snapshot['heap'] / MB:.1f} MB"
    if snapshot["level"] == "off":
        grid.add_row("snapshot", "none", escape(snapshot["reason"]))
    elif snapshot["level"] == "runtime":
        reason = f" ({snapshot['reason']})" if snapshot["reason"] else ""
        grid.add_row("snapshot", heap, escape(f"the runtime alone initialised{reason}"))
    else:
        count = len(snapshot["modules"])
        noun = "module" if count == 1 else "modules"
        grid.add_row("snapshot", heap, f"{count} {noun} initialised at build time")
    _add_deferred(grid, snapshot["deferred"])
    for name, value in snapshot["guards"].items():
        if name == "LAMBDA_TASK_ROOT":
            continue  # every image depends on it
        told = "declared with --env; " if name in snapshot["declared"] else ""
        if told or value is not None:
            text = f"({told}checked at start)"
            grid.add_row("guarded", escape(declared.shown(name, value)), text)


def _add_deferred(grid: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """The causes first: who only imports them is deferred with them."""
    importers = [r for r in rows if not r["file"] and r["reason"].startswith("imports ")]
    folded = importers if len(importers) > _SHOWN else []
    for row in sorted((r for r in rows if r not in folded), key=importers.__contains__):
        grid.add_row("deferred", escape(row["module"]), escape(f"({row['reason']})"))
    if folded:
        # The outermost, the function's own module, was found last.
        names = [row["module"] for row in reversed(folded)]
        shown = ", ".join(names[:_SHOWN]) + f" and {len(names) - _SHOWN} more"
        grid.add_row("deferred", escape(shown), "(import one of these)")


def _packages(packages: Sequence[Mapping[str, Any]]) -> str:
    """What is not as a user may expect: no compiled parts, or not the newest version."""
    older = [p["name"] for p in packages if p["why"].endswith(dependencies.NO_WHEEL)]
    here = [p["name"] for p in packages if p["why"] == wheels.COMPILED]
    plain = [p["name"] for p in packages if p["why"] and p["name"] not in (*older, *here)]
    told = [f"in plain Python instead of compiled: {', '.join(plain)}"] if plain else []
    told += [f"compiled here from source: {', '.join(here)}"] if here else []
    told += [f"older, for want of a wheel: {', '.join(older)}"] if older else []
    return "; ".join(told)
