"""All cells of a run: contenders in turns, samples written as they come, failures told and left.

A block is one workload under one condition. In each of its rounds every contender starts once, in
an order drawn from the seed; so whatever else the machine does hits all of them alike.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts.bench.conditions import FULL, Condition, NotPermittedError
from build_scripts.bench.contenders import Ready, Workshop, environment
from build_scripts.bench.machine import Watch
from build_scripts.bench.pythons import UnavailableError
from build_scripts.bench.timing import Program, Timer
from native_bootstrap.errors import UsageError

if TYPE_CHECKING:
    from build_scripts.bench.matrix import Matrix, Stub, Workload
    from build_scripts.bench.samples import Row, Store

PROBES = 10  # starts of the C echo at a time
WARM_PROCESSES = 5  # of a cell are also measured warm: that many times ``warm`` latencies
WARM_SECONDS = 0.5  # at most in each of them


@dataclass
class Run:
    """``warm``: invocations after the first one, in the first few starts of a cell."""

    matrix: Matrix
    shop: Workshop
    timer: Timer
    store: Store
    runs: int
    warm: int
    seed: int
    given_up: dict[str, Row] = field(default_factory=dict)

    def measure(self) -> None:
        """Everything; an interrupt or an error leaves what was measured in the store."""
        for workload in self.matrix.workloads.values():
            self.given_up = {}
            with self.shop.log.step(workload.name, detail="prepare"):
                ready = self._prepare(workload)
            with serving(workload.stub, self.shop) as refused:
                for condition in conditions(self.matrix, workload):
                    self.probe()
                    if refused:
                        self._refuse(workload, condition, "stub", refused)
                    else:
                        self._block(workload, condition, ready)
        self.probe()

    def probe(self) -> None:
        """What the machine does with the C echo just now."""
        empty = self.shop.shared("empty", Path.mkdir)
        event = self._event(b"{}", "probe")
        program = Program(command=(str(self.shop.compiled("echo")),), task=empty)
        number = 1 + max((row.get("probe", -1) for row in self.store.rows), default=-1)
        rows = []
        for _ in range(PROBES):
            sample = self.timer.start(program, event, {})
            rows.append({"probe": number, "at": _now(), **sample})
        self.store.append(rows)

    def _prepare(self, workload: Workload) -> dict[str, Ready]:
        found: dict[str, Ready] = {}
        facts = self.store.facts.setdefault("facts", {}).setdefault(workload.name, {})
        for contender in self.matrix.contenders.values():
            try:
                found[contender.name] = ready = self.shop.prepare(contender, workload)
            except UnavailableError as error:
                self._give_up(workload, contender.name, "missing", error.message)
                continue
            before = facts.get(contender.name, {})
            if before.get("sha256", ready.facts.get("sha256")) != ready.facts.get("sha256"):
                raise UsageError(
                    f"{workload.name}, {contender.name}: not the program that this run began with",
                    hint="choose another folder with --output",
                )
            facts[contender.name] = {**before, **ready.facts}
        self.store.save_facts()
        return found

    def _give_up(self, workload: Workload, contender: str, kind: str, detail: str) -> None:
        """For all conditions: what cannot run with a whole core cannot with a part of one."""
        row = {"workload": workload.name, "condition": "", "contender": contender, "at": _now()}
        self.given_up[contender] = {**row, "failed": kind, "detail": detail}
        self.store.append([self.given_up[contender]])
        told = f"{workload.name}, {contender}: {kind}: {detail}"
        self.shop.log.warning(told)

    def _refuse(self, workload: Workload, condition: Condition, kind: str, detail: str) -> None:
        row = {"workload": workload.name, "condition": condition.name, "contender": "*"}
        self.store.append([{**row, "at": _now(), "failed": kind, "detail": detail}])
        told = f"{workload.name}, {condition.name}: skipped: {detail}"
        self.shop.log.warning(told)

    def _block(self, workload: Workload, condition: Condition, ready: Mapping[str, Ready]) -> None:
        if not ready:
            return
        # What failed under another condition only, may do well under this one.
        self.given_up = {n: row for n, row in self.given_up.items() if not row["condition"]}
        try:
            condition.check()
        except NotPermittedError as error:
            self._refuse(workload, condition, "not-permitted", error.message)
            return
        watch = Watch.begin()
        with self.shop.log.step(workload.name, detail=condition.name):
            for number, name in self._order(workload, condition, ready):
                if name not in self.given_up:
                    self._sample(workload, condition, name, ready[name].program, number)
        where = {"workload": workload.name, "condition": condition.name}
        self.store.append([{**where, **watch.row()}])

    def _order(
        self, workload: Workload, condition: Condition, ready: Mapping[str, Ready]
    ) -> Iterator[tuple[int, str]]:
        """Rounds and names. Round -1 warms up and is not counted; what is there is not repeated."""
        source = random.Random(f"{self.seed}/{workload.name}/{condition.name}")
        done = {
            (row["round"], row["contender"])
            for row in self.store.rows
            if "round" in row
            and (row["workload"], row["condition"]) == (workload.name, condition.name)
        }
        names = list(self.matrix.contenders)
        for number in range(-1, self.runs):
            # All names, also those that are missing: the order must not depend on this machine.
            for name in source.sample(names, len(names)):
                if name in ready and (number, name) not in done:
                    yield number, name

    def _sample(
        self, workload: Workload, condition: Condition, name: str, program: Program, number: int
    ) -> None:
        if number < 0 and condition != FULL:
            return  # the full run has warmed up
        event = self._event(workload.event, workload.name)
        environ = environment(workload)
        if condition.memory:
            environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(condition.memory)
        warm = self.warm if condition == FULL and 0 <= number < WARM_PROCESSES else 0
        with condition.group() as procs:
            condition.prepare()
            sample = self.timer.start(
                program, event, environ, procs=procs, warm=warm, warm_seconds=WARM_SECONDS
            )
        if "failed" in sample:
            self._failed(workload, condition, name, sample)
        elif number >= 0:
            row = {"workload": workload.name, "condition": condition.name, "contender": name}
            self.store.append([{**row, "round": number, "at": _now(), **sample}])

    def _failed(
        self, workload: Workload, condition: Condition, name: str, sample: Mapping[str, Any]
    ) -> None:
        if condition == FULL:
            self._give_up(workload, name, sample["failed"], sample["detail"])
            return
        row = {"workload": workload.name, "condition": condition.name, "contender": name}
        self.given_up[name] = {**row, "at": _now(), **sample}
        self.store.append([self.given_up[name]])

    def _event(self, event: bytes, name: str) -> Path:
        file = self.shop.scratch / f"{name}.event"
        if not file.exists():
            file.write_bytes(event)
        return file


def conditions(matrix: Matrix, workload: Workload) -> list[Condition]:
    """Those of the run, as far as the workload does not narrow them."""
    memory = matrix.memory if workload.memory is None else workload.memory
    cold = matrix.cold_cache if workload.cold_cache is None else workload.cold_cache
    found = [FULL, *([Condition(cold_cache=True)] if cold and matrix.cold_cache else [])]
    return [*found, *(Condition(memory=m) for m in sorted(memory) if m in matrix.memory)]


@contextmanager
def serving(stub: Stub | None, shop: Workshop) -> Iterator[str]:
    """The service that the workload calls is there meanwhile; why it is not, or ""."""
    if stub is None:
        yield ""
        return
    process = subprocess.Popen(
        [shop.compiled("stub"), str(stub.port), stub.content_type, stub.body],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        is_ready = process.stdout.readline() == "ready\n"
        yield "" if is_ready else f"the service it calls: {process.stderr.read().strip()}"
    finally:
        process.kill()
        process.communicate()


def _now() -> float:
    return round(time.time(), 2)
