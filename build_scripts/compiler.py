"""Compiles sources to bytecode with the target's own Python; results are kept by content.

The standard library is compiled once per pack, a set of dependencies once per set; a project's own
modules whenever one of them changes.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from build_scripts import cache, process
from build_scripts.sources.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.log import Log
    from build_scripts.modules import ModuleFile

Size = Literal["full", "small", "smallest"]
TASK_ROOT = "/var/task/"
ENTRY = (
    "import sys; sys.path[:1] = []; sys.path.append(sys.argv.pop(1)); "
    "from build_scripts.sources import worker; worker.main()"
)
SMALL = 1_000_000  # bytes of source below which a second process costs more than it gives


@dataclass(frozen=True, kw_only=True)
class StoredModule:
    """One module of a store. Spans are (offset, length) in the store's data; None: not there.

    ``raw`` and ``deflated`` are the same marshalled code; ``source`` is u32 length + zlib stream.
    """

    name: str
    path: str
    is_package: bool
    raw: tuple[int, int] | None
    deflated: tuple[int, int] | None
    source: tuple[int, int] | None
    facts: Facts


@dataclass(frozen=True, kw_only=True, eq=False)
class ModuleStore:
    """Compiled modules by name, and the bytes that their spans point into."""

    key: str
    modules: Mapping[str, StoredModule]
    data: bytes | mmap.mmap

    def read(self, span: tuple[int, int] | None) -> bytes:
        return self.data[span[0] : span[0] + span[1]] if span else b""

    def source(self, name: str) -> bytes:
        """A module's source; b"" where sources are not kept."""
        packed = self.read(self.modules[name].source)
        return zlib.decompress(packed[4:]) if packed else b""


EMPTY = ModuleStore(key="", modules={}, data=b"")


def compile_modules(
    modules: Sequence[ModuleFile],
    *,
    python: Path,
    python_key: str,
    content: str,
    log: Log,
    prefix: str = TASK_ROOT,
    keep_sources: bool = False,
    size: Size = "full",
    what: str = "",
) -> ModuleStore:
    """Compile ``modules``; an earlier result for the same content is used again.

    ``content`` stands for the files' bytes and ``python_key`` for the exact interpreter. Code gets
    the filename ``prefix + path``; with another prefix than the task root the archive path is that
    absolute name too. ``size`` says what the code may do without: "small" has no columns (which
    serve the carets under source lines in tracebacks), "smallest" no docstrings either.
    """
    if not modules:
        return EMPTY
    ours = cache.content_key(Path(__file__).parent / "sources")
    listing = json.dumps([[module.name, module.path] for module in modules])
    key = cache.content_key(ours, python_key, content, prefix, str(keep_sources), size, listing)
    entry = cache.root() / "modules" / key
    if not cache.is_intact(entry):
        with cache.lock(f"modules-{key}"):
            if not cache.is_intact(entry):
                detail = what or f"{len(modules)} modules"
                with log.step("bytecode", detail=detail), cache.publish(entry) as work:
                    _compile(modules, python, prefix, keep_sources, size, work, log)
    return _load(entry, key)


def content_of(modules: Sequence[ModuleFile]) -> str:
    """A key of the modules' bytes, for sets that have no key of their own."""
    return cache.content_key(*(module.file for module in modules))


def _compile(
    modules: Sequence[ModuleFile],
    python: Path,
    prefix: str,
    keep_sources: bool,
    size: Size,
    work: Path,
    log: Log,
) -> None:
    jobs = [
        {
            "name": module.name,
            "file": str(module.file),
            "path": module.path if prefix == TASK_ROOT else prefix + module.path,
            "is_package": module.is_package,
            "keep_source": keep_sources,
            "docstrings": size != "smallest",
        }
        for module in modules
    ]
    parts = _split(jobs)
    with ThreadPoolExecutor(len(parts)) as pool:
        running = [
            pool.submit(_run_worker, part, number, python, prefix, size, work, log)
            for number, part in enumerate(parts)
        ]
        for future in running:
            future.result()
    rows: list[dict[str, Any]] = []
    with (work / "data").open("wb") as data:
        for number in range(len(parts)):
            start = data.tell()
            data.write((work / f"{number}.data").read_bytes())
            rows += [
                _shifted(row, start)
                for row in json.loads((work / f"{number}.json").read_text("utf-8"))
            ]
    (work / "index.json").write_text(json.dumps(rows), "utf-8")
    for number in range(len(parts)):
        for suffix in (".data", ".json", ".jobs"):
            (work / f"{number}{suffix}").unlink()


def _split(jobs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """At most one list per CPU, of similar source size, in the given order."""
    sizes = [os.stat(job["file"]).st_size for job in jobs]  # noqa: PTH116 - a plain str
    count = max(1, min(os.cpu_count() or 1, 8, sum(sizes) // SMALL))
    share = sum(sizes) / count
    parts: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    done = 0
    for job, size in zip(jobs, sizes, strict=True):
        parts[min(count - 1, int(done / share) if share else 0)].append(job)
        done += size
    return [part for part in parts if part]


def _run_worker(
    jobs: list[dict[str, Any]],
    number: int,
    python: Path,
    prefix: str,
    size: Size,
    work: Path,
    log: Log,
) -> None:
    request = work / f"{number}.jobs"
    request.write_text(json.dumps({"jobs": jobs, "prefix": prefix}), "utf-8")
    ours = Path(__file__).parent.parent
    # No site, no user site, no current folder; a fixed hash seed: same input, same bytes.
    flags = ["-Ss", "-X", "utf8", *(["-X", "no_debug_ranges"] if size != "full" else [])]
    process.run(
        [python, *flags, "-c", ENTRY, ours, request, work / str(number)],
        log=log,
        env={"PATH": os.defpath, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        what="the bytecode compiler",
    )


def _shifted(row: dict[str, Any], start: int) -> dict[str, Any]:
    for span in ("raw", "deflated", "source"):
        if span in row:
            row[span][0] += start
    return row


def _load(entry: Path, key: str) -> ModuleStore:
    modules = {}
    for row in json.loads((entry / "index.json").read_text("utf-8")):
        spans = {part: tuple(row[part]) if part in row else None for part in SPANS}
        modules[row["name"]] = StoredModule(
            name=row["name"],
            path=row["path"],
            is_package=row["is_package"],
            facts=Facts.from_json(row["facts"]),
            **spans,
        )
    data: bytes | mmap.mmap = b""
    with (entry / "data").open("rb") as file:
        if os.fstat(file.fileno()).st_size:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return ModuleStore(key=key, modules=modules, data=data)


SPANS = ("raw", "deflated", "source")
