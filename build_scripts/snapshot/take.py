"""The snapshot stage: run the linked program once in the clean room, and append what it became.

Pass after pass (plan.py) until one is sound; that pass's dump becomes the image (image.py), which
is looked through (scan.py) and tried out (verify.py) before anybody sees it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import mmap
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache
from build_scripts.scratch import private_folder
from build_scripts.snapshot import (
    dump,
    events,
    forbidden,
    image,
    patterns,
    plan,
    room,
    scan,
    settings_sources,
    story,
    variables,
    verify,
)
from build_scripts.snapshot.findings import Known, is_runtime
from build_scripts.snapshot.patterns import Pattern
from native_bootstrap.errors import SnapshotError

if TYPE_CHECKING:
    from build_scripts.link import Program
    from build_scripts.log import Log
    from build_scripts.modules import DataFile
    from build_scripts.targets import Target

PLAN_FILE = "/nb/plan.json"
REPORT, DUMP = 3, 4  # descriptors of the program that initialises
INITIALISE = "--native-bootstrap-initialise"
TASK_ROOT = "LAMBDA_TASK_ROOT"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for. ``level``: auto, full or runtime; ``declared``: variables given with --env
    (None: declared as absent); ``own``, ``shared``: module names of the project and of the standard
    library; ``salt`` changes the hash secret; ``timeout`` of one pass, in seconds. For the scan:
    ``folders`` of the user's, ``sources`` of the project and ``inputs`` of others that the program
    is made of."""

    handler: str
    target: Target
    level: str = "auto"
    declared: Mapping[str, str | None] = field(default_factory=dict)
    own: Collection[str] = ()
    shared: Collection[str] = ()
    salt: str = ""
    event: bytes | None = None
    timeout: float = 120.0
    folders: tuple[Path, ...] = ()
    sources: tuple[Path, ...] = ()
    inputs: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What became of it. ``program`` has the image; without one (``level`` "off") it is the linked
    program itself. ``modules``: those of the project and its dependencies in the image. ``heap``
    and ``size`` of the image in bytes."""

    program: Path
    key: str
    level: str
    modules: tuple[str, ...] = ()
    deferred: tuple[Mapping[str, Any], ...] = ()
    guards: Mapping[str, str | None] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    heap: int = 0
    size: int = 0
    reason: str = ""
    story: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def without(program: Program) -> Snapshot:
    """--snapshot off."""
    return Snapshot(program=program.stripped, key=program.key, level="off")


def take(program: Program, request: Request, data: Sequence[DataFile], *, log: Log) -> Snapshot:
    """The program with its image, from the cache when nothing has changed.

    Raises CleanRoomError where it cannot be made safely, SnapshotError for ``level`` full when
    something has to be deferred, and for an image that holds what it must not.
    """
    key = _key(program, request, data)
    folder = cache.root() / "snapshots" / key
    if not cache.is_intact(folder):
        with cache.publish(folder) as work:
            found = _take(program, request, data, key, work / "bootstrap", log=log)
            facts = dataclasses.asdict(dataclasses.replace(found, program=Path()))
            (work / "snapshot.json").write_text(json.dumps(facts, default=str))
    facts = json.loads((folder / "snapshot.json").read_text())
    made = folder / "bootstrap"
    facts["program"] = made if made.exists() else program.stripped
    names = ("modules", "deferred", "declared", "story", "warnings")
    return Snapshot(**{**facts, **{name: tuple(facts[name]) for name in names}})


def _key(program: Program, request: Request, data: Sequence[DataFile]) -> str:
    files = [part for item in data for part in (item.path, item.file)]
    asked = dataclasses.asdict(request)
    asked["own"], asked["shared"] = sorted(request.own), sorted(request.shared)
    asked["event"] = (request.event or b"").hex()
    # The image does not depend on where things lie.
    del asked["folders"], asked["sources"], asked["inputs"]
    return cache.content_key(
        program.key, json.dumps(asked, sort_keys=True, default=str), Path(__file__).parent, *files
    )


def seed(program: Program, request: Request) -> str:
    """64 hex digits: what is random while initialising, the hash secret too, follows from it."""
    declared = json.dumps(dict(request.declared), sort_keys=True)
    text = "\0".join((program.key, request.salt, declared))
    return hashlib.sha256(text.encode()).hexdigest()


def _take(
    program: Program,
    request: Request,
    data: Sequence[DataFile],
    key: str,
    target: Path,
    *,
    log: Log,
) -> Snapshot:
    with private_folder() as scratch:
        raw = scratch / "dump"
        history = _passes(program, request, data, raw, log=log)
        last = history[-1]
        deferred = tuple(_row(name, why) for name, why in last.plan.deferred.items())
        if request.level == "full" and (deferred or last.off or last.plan.level != plan.FULL):
            raise _not_full(history)
        common: dict[str, Any] = {
            "key": key,
            "deferred": deferred,
            "story": tuple(story.explain(history)),
        }
        if last.off:
            return Snapshot(program=program.stripped, level="off", reason=last.off, **common)
        taken = dump.read(raw)
        guards = _guards(last.guards, request)
        warnings = _look_through(program, request, taken)
        size = _write_and_try(program, request, data, taken, guards, target, log=log)
    names = [n for n in last.report.modules if n not in request.shared and not is_runtime(n)]
    return Snapshot(
        program=target,
        level="runtime" if last.plan.level == plan.RUNTIME else "full",
        modules=tuple(names),
        guards={guard.name: guard.value for guard in guards},
        declared=tuple(sorted(request.declared)),
        heap=taken.heap_top - taken.heap_base,
        size=size,
        warnings=warnings,
        reason=next((d.why_runtime for d in history if d.why_runtime), ""),
        **common,
    )


def _write_and_try(
    program: Program,
    request: Request,
    data: Sequence[DataFile],
    taken: dump.Dump,
    guards: Sequence[image.Guard],
    target: Path,
    *,
    log: Log,
) -> int:
    """The image, and once more with its hot pages together. Returns its size."""
    size = image.write(program.stripped, taken, target, guards=guards)
    place = room.Room(
        program=target,
        target=request.target,
        data=data,
        environ={**variables.DEPLOYMENT, **environment(request.declared)},
        timeout=request.timeout,
    )
    ranges = [(item.address, item.length) for item in taken.ranges if item.is_writable]
    hot = verify.hot_pages(place, ranges, request.event, log=log)
    if hot:
        size = image.write(program.stripped, taken, target, guards=guards, hot=hot)
    verify.randomness(place, log=log)
    if request.event is not None:
        verify.answers(place, program.stripped, request.event, log=log)
    return size


def _look_through(program: Program, request: Request, taken: dump.Dump) -> tuple[str, ...]:
    """Scan the memory; warnings for what stands in the user's own files as well."""
    what = forbidden.forbid(
        folders=request.folders,
        environ=os.environ,
        room=environment(request.declared),
        own=request.sources,
        inputs=(program.stripped, *request.inputs),
    )
    with taken.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        hits = scan.scan_dump(taken, raw, forbidden=what)
    lines = [f"{hit.kind}: {hit.text} (in the {hit.where} at {hit.offset:#x})" for hit in hits]
    fatal = [line for hit, line in zip(hits, lines, strict=True) if hit.fatal]
    if fatal:
        raise SnapshotError(
            "the image holds what belongs to this machine or looks like a key:\n  "
            + "\n  ".join(fatal),
            hint="read it when the handler runs, not at import, or build with --snapshot off",
        )
    return tuple(f"the snapshot holds a {line}" for line in lines)


def _passes(
    program: Program, request: Request, data: Sequence[DataFile], raw: Path, *, log: Log
) -> list[plan.Decision]:
    """Every pass and what it showed; the last one is sound (its dump is in ``raw``) or off."""
    level = plan.RUNTIME if request.level == "runtime" else plan.FULL
    following = plan.first_plan(request.handler, level=level)
    known = Known(
        own=request.own,
        shared=request.shared,
        declared=request.declared,
        takes_all=settings_sources.take_all(request.sources, request.inputs),
    )
    secret = seed(program, request)
    history: list[plan.Decision] = []
    while not history or not (history[-1].sound or history[-1].off):
        raw.unlink(missing_ok=True)
        finished = room.run(
            room.Room(
                program=program.stripped,
                target=request.target,
                data=data,
                environ=environment(request.declared),
                files={PLAN_FILE: json.dumps(following.to_json()).encode()},
                arguments=(INITIALISE, PLAN_FILE, secret),
                outputs={REPORT: None, DUMP: raw},
                timeout=request.timeout,
            ),
            log=log,
        )
        for line in (finished.stdout + finished.stderr).decode("utf-8", "replace").splitlines():
            log.detail(f"  {events.printable(line)}")
        report = events.parse(finished.pipes[REPORT], ended=_how_it_ended(finished))
        history.append(plan.next_plan(following, report, known))
        following = history[-1].plan
    if history[-1].sound and not finished.ok:
        history[-1] = dataclasses.replace(
            history[-1], sound=False, off=f"the dump failed: {_how_it_ended(finished)}"
        )
    return history


def environment(declared: Mapping[str, str | None]) -> dict[str, str]:
    """What the function sees while it initialises: Lambda's fixed variables and the declared."""
    environ = dict(variables.FIXED)
    environ |= {name: value for name, value in variables.USUAL.items() if value is not None}
    for name, value in declared.items():
        environ.pop(name, None)
        if value is not None:
            environ[name] = value
    return environ


def _guards(found: Mapping[str, str | None], request: Request) -> list[image.Guard]:
    """What a start has to check. The interpreter itself has read every PYTHON variable."""
    values = dict(found)
    declared = request.declared
    values |= {name: value for name, value in declared.items() if name.startswith("PYTHON")}
    values[Pattern(stem="PYTHON", is_prefix=True).text] = None
    values.pop(TASK_ROOT, None)
    if values.get("HOME", "") is None:
        values["HOME"] = variables.HOME  # what `~` is without it: the user's, as in the room
    guards = [
        # Where Lambda's own are not set, it is not Lambda: a local run.
        image.Guard(
            name=name,
            value=value,
            or_absent=name in variables.OR_ABSENT and bool(value),
            pattern=patterns.parse(name),
        )
        for name, value in sorted(values.items())
    ]
    # Paths of the function's files are all over the image. Not set, it is /var/task as well.
    root = variables.FIXED[TASK_ROOT]
    return [image.Guard(name=TASK_ROOT, value=root, or_absent=True), *guards]


def _how_it_ended(finished: room.Finished) -> str:
    if finished.timed_out:
        return f"no end after {finished.seconds:.0f} s"
    if finished.signal is not None:
        return f"killed by signal {finished.signal}"
    return f"exit code {finished.status}"


def _row(name: str, why: Any) -> dict[str, Any]:
    return {"module": name, "reason": why.text, "file": why.file, "line": why.line}


def _not_full(history: Sequence[plan.Decision]) -> SnapshotError:
    last = history[-1]
    reasons = [f"  {why.line_text}" for why in last.plan.deferred.values()]
    reasons += [f"  {text}" for text in (last.off, *(d.why_runtime for d in history)) if text]
    error = SnapshotError(
        "--snapshot full: not everything can be initialised at build time:\n" + "\n".join(reasons),
        hint="see --explain-snapshot, or build with --snapshot auto",
    )
    error.story = story.explain(history)
    return error
