"""What ``build-native bench`` does with its options."""

from __future__ import annotations

import dataclasses
import random
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache, declared, options, pack, targets
from build_scripts.bench import (
    aws_command,
    compare,
    machine,
    matrix,
    measure,
    report,
    samples,
    summary,
)
from build_scripts.bench.contenders import Workshop
from build_scripts.bench.timing import Timer
from build_scripts.scratch import private_folder
from native_bootstrap.errors import BuildInterruptedError, ConfigError, UsageError

if TYPE_CHECKING:
    import argparse

    from build_scripts.bench.matrix import Matrix, Workload
    from build_scripts.bench.samples import Store
    from build_scripts.log import Log

DEFAULT_OUTPUT = Path("dist", "bench")


def run(parsed: argparse.Namespace, *, enter: Path, log: Log) -> int:
    """``enter``: task_root.py of the front end. What is to be read goes to stdout."""
    if parsed.compare:
        old, new = (summary.summarise(samples.load(folder)) for folder in parsed.compare)
        print(compare.table(compare.compare(old, new)))
        return 0
    if parsed.render:
        return _report(samples.load(parsed.render), log)
    chosen = choose(parsed)
    return _run(parsed, chosen, enter, log)


def choose(parsed: argparse.Namespace) -> Matrix:
    """The matrix as the command line narrows it, or with the user's handler alone."""
    found = matrix.load(*(parsed.matrix or ()))
    changes: dict[str, Any] = {}
    if parsed.runs is not None:
        if parsed.runs < 1:
            raise UsageError("--runs must be at least 1")
        changes["runs"] = parsed.runs
    if parsed.memory is not None:
        changes["memory"] = _sizes(parsed.memory)
    if parsed.cold_cache is not None:
        changes["cold_cache"] = parsed.cold_cache
    if parsed.reference:
        changes["reference"] = parsed.reference
    found = dataclasses.replace(found, **changes)
    workloads = parsed.workload or ()
    if parsed.handler:
        if workloads:
            raise UsageError("either a handler or --workload", hint="leave one of them out")
        own = _own(parsed)
        found = dataclasses.replace(found, workloads={own.name: own})
    found = found.choose(parsed.contender or (), workloads)
    if parsed.reference and parsed.reference not in found.contenders:
        raise UsageError(f"--reference {parsed.reference}: not one of the contenders")
    return found


def _sizes(text: str) -> tuple[int, ...]:
    if text in ("", "none"):
        return ()
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise UsageError(
            f"--memory {text}: not sizes in MB", hint="like --memory 128,512, or none"
        ) from None


def _own(parsed: argparse.Namespace) -> Workload:
    """The user's function. What its environment is, is told as for a build."""
    project = parsed.project or Path()
    asked = options.resolve(
        {
            "handler": parsed.handler,
            "project": project,
            "requirements": parsed.requirements,
            "env": parsed.env,
            "env_file": parsed.env_file,
            "event": parsed.event,
        }
    )
    if asked.event is not None:
        declared.check_event(asked.event)
    given = declared.parse(asked.env)
    return matrix.Workload(
        name=project.resolve().name if parsed.project else asked.handler.partition(".")[0],
        project=project,
        handler=asked.handler,
        about=f"{asked.handler}, as named on the command line",
        event=asked.event.read_bytes() if asked.event else b"{}",
        environ={name: value for name, value in given.items() if value is not None},
        env_file=asked.env_file,
        requirements=asked.requirements,
    )


def _run(parsed: argparse.Namespace, chosen: Matrix, enter: Path, log: Log) -> int:
    if parsed.target == "aws" and (parsed.sweep or not parsed.execute):
        aws_command.run(parsed, chosen, None, log=log)
        return 0
    store = _begin(parsed, chosen)
    told = f"seed {store.facts['plan']['seed']}, {chosen.runs} cold starts of every cell"
    log.info(told)
    try:
        if parsed.target == "aws":
            aws_command.run(parsed, chosen, store, log=log)
        else:
            _measure(parsed, chosen, store, enter, log)
        store.facts["finished"] = True
    except KeyboardInterrupt:
        _report(store, log)
        raise BuildInterruptedError(
            "interrupted; the report has what was measured",
            hint="the same command goes on from there",
            kept=store.folder,
        ) from None
    return _report(store, log)


def _begin(parsed: argparse.Namespace, chosen: Matrix) -> Store:
    """The folder of the run with everything that is known before it."""
    if parsed.target == "aws":
        conditions = aws_command.conditions(chosen)
    else:
        workloads = chosen.workloads.items()
        conditions = {n: [c.name for c in measure.conditions(chosen, w)] for n, w in workloads}
    plan: dict[str, Any] = {
        "target": parsed.target,
        "contenders": list(chosen.contenders),
        "conditions": conditions,
        "reference": chosen.reference,
        "runs": chosen.runs,
        "warm": parsed.warm,
        "seed": parsed.seed,
    }
    store = samples.begin(parsed.output or DEFAULT_OUTPUT, plan)
    if store.facts["plan"]["seed"] is None:
        store.facts["plan"]["seed"] = random.SystemRandom().randrange(10**6)
    command = shlex.join(["build-native", *sys.argv[1:]])
    store.facts |= {
        "schema": 1,
        "commands": list(dict.fromkeys([*store.facts.get("commands", ()), command])),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "about": {
            **store.facts.get("about", {}),
            **{name: w.about for name, w in chosen.workloads.items()},
        },
        "contenders": {name: c.about for name, c in chosen.contenders.items()},
        "prices": {"gb_second": parsed.gb_second, "million_requests": parsed.million_requests},
        "started": store.facts.get("started") or time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "finished": False,
    }
    store.save_facts()
    return store


def _measure(
    parsed: argparse.Namespace, chosen: Matrix, store: Store, enter: Path, log: Log
) -> None:
    """On this machine."""
    pack.ensure(targets.host(), log=log)
    # Beside the cache: that is on a disk, so that a cold page cache means something.
    work = cache.root() / "bench"
    work.mkdir(parents=True, exist_ok=True)
    with private_folder(parent=work) as scratch:
        shop = Workshop(
            scratch=scratch, log=log, stock=parsed.stock or "", build_times=parsed.build_times
        )
        timer = Timer(program=shop.compiled("timer"), enter=enter, silence_seconds=parsed.timeout)
        measure.Run(
            matrix=chosen,
            shop=shop,
            timer=timer,
            store=store,
            runs=chosen.runs,
            warm=parsed.warm,
            seed=store.facts["plan"]["seed"],
        ).measure()


def _report(store: Store, log: Log) -> int:
    store.save_facts()
    if not any("round" in row or "failed" in row for row in store.rows):
        raise ConfigError(f"nothing was measured in {store.folder}")
    with log.step("report"):
        found = summary.summarise(store)
        report.write(found, store.folder)
    print(report.headline(found))
    print(f"{store.folder}/report.html")
    return 0
