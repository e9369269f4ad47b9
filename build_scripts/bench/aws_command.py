"""``build-native bench --target aws``: tells what it would do, and does it with --execute."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from build_scripts import cache, targets
from build_scripts.bench import contenders, summary
from build_scripts.bench.aws import (
    ARCHITECTURES,
    DIRECT_UPLOAD,
    Cloud,
    Function,
    function_name,
)
from build_scripts.bench.conditions import Condition
from build_scripts.bench.contenders import Workshop, environment
from build_scripts.bench.pythons import PYTHON, UnavailableError
from build_scripts.scratch import private_folder
from native_bootstrap.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from build_scripts.bench.matrix import Contender, Matrix, Workload
    from build_scripts.bench.samples import Row, Store
    from build_scripts.log import Log

WARM = 20  # invocations after a cold start, in the first few versions
WARM_VERSIONS = 5
CHANGE_SECONDS = 6.0  # about what a new version takes until it can be invoked


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A function in the account, and the cell that it fills."""

    name: str
    workload: Workload
    contender: str
    condition: Condition


def plan(chosen: Matrix) -> list[tuple[Workload, Contender, int]]:
    """Every function that would be made."""
    if not chosen.memory:
        raise UsageError("--target aws needs a memory size", hint="like --memory 512,1769")
    return [
        (workload, contender, memory)
        for workload in chosen.workloads.values()
        for contender in chosen.contenders.values()
        for memory in sorted(chosen.memory)
        if not refusal(workload, contender)
    ]


def refusal(workload: Workload, contender: Contender) -> str:
    """Why this cannot be deployed, or ""."""
    if workload.stub is not None:
        return f"{workload.name} calls a service of this machine"
    return "its Python is not in a zip" if contender.kind == "interpreted" else ""


def describe(chosen: Matrix, cloud: Cloud, account: str, prices: dict[str, float]) -> str:
    """What would be done, for people."""
    cells = plan(chosen)
    starts = len(cells) * chosen.runs
    warm = len(cells) * min(chosen.runs, WARM_VERSIONS) * WARM
    # As if every start took a second: far more than most do.
    cost = sum(summary.cost_per_million(1000, memory, prices) for *_, memory in cells)
    cost = cost * chosen.runs / 1e6 + warm * prices["million_requests"] / 1e6
    minutes = starts * CHANGE_SECONDS / 60
    effort = f"about {minutes:.0f} minutes, less than {max(cost, 0.01):.2f} USD"
    count = len(cells)
    lines = [
        f"account {account}, region {cloud.region}",
        f"{count} functions {cloud.prefix}*, each with {chosen.runs} versions that start cold once",
        f"{starts} cold starts, {warm} warm invocations: {effort}",
        f"made and removed again: these functions, their log groups, a role {cloud.prefix}role",
        *(f"  {w.name}, {c.name}, {memory} MB" for w, c, memory in cells),
        "nothing has been done: add --execute",
    ]
    return "\n".join(lines)


@dataclass
class AwsRun:
    """``seed``: of the order; ``role``: an ARN, "" for one of the run's own."""

    chosen: Matrix
    cloud: Cloud
    shop: Workshop
    store: Store
    seed: int
    role: str

    def measure(self) -> None:
        """Everything; whatever happens, what was made is removed."""
        try:
            self._refuse()
            role = self.role or self.cloud.create_role()
            deployed = [found for cell in plan(self.chosen) if (found := self._deploy(*cell, role))]
            source = random.Random(self.seed)
            for number in range(self.chosen.runs):
                with self.shop.log.step("round", detail=f"{number + 1} of {self.chosen.runs}"):
                    for one in source.sample(deployed, len(deployed)):
                        self._start(one, number)
        finally:
            self._clean()

    def _refuse(self) -> None:
        """Rows for what is not even tried."""
        for workload in self.chosen.workloads.values():
            for contender in self.chosen.contenders.values():
                why = refusal(workload, contender)
                if why:
                    row = {"workload": workload.name, "contender": contender.name, "condition": ""}
                    failed = {"at": round(time.time(), 2), "failed": "missing", "detail": why}
                    self.store.append([row | failed])

    def _clean(self) -> None:
        """Another Ctrl-C must not leave half of it in somebody's account."""
        with self.shop.log.step("removing what was made"):
            try:
                removed = self.cloud.sweep()
            except KeyboardInterrupt:
                removed = self.cloud.sweep()
        for name in removed:
            self.shop.log.detail(f"removed {name}")

    def _deploy(
        self, workload: Workload, contender: Contender, memory: int, role: str
    ) -> Deployed | None:
        condition = Condition(memory=memory)
        try:
            found = self._function(workload, contender, memory)
        except UnavailableError as error:
            row = _where(workload, contender.name, condition)
            self.store.append([{**row, "failed": "missing", "detail": error.message}])
            return None
        self.cloud.create(found, role)
        return Deployed(
            name=found.name, workload=workload, contender=contender.name, condition=condition
        )

    def _function(self, workload: Workload, contender: Contender, memory: int) -> Function:
        ready = self.shop.prepare(contender, workload)
        facts = self.store.facts.setdefault("facts", {}).setdefault(workload.name, {})
        facts[contender.name] = dict(ready.facts)
        archive = contenders.archive(ready)
        if len(archive) > DIRECT_UPLOAD:
            raise UnavailableError(f"a zip of {len(archive) / 1e6:.0f} MB needs a bucket")
        environ = environment(workload)
        handler = environ.pop("_HANDLER")
        managed = contender.kind == "awslambdaric"
        return Function(
            name=function_name(self.cloud.prefix, workload.name, contender.name, memory),
            archive=archive,
            runtime=f"python{PYTHON}" if managed else "provided.al2023",
            handler=handler,
            memory=memory,
            environ={**environ, **ready.program.environ},
            arch=ARCHITECTURES[targets.host().arch],
        )

    def _start(self, one: Deployed, number: int) -> None:
        row = _where(one.workload, one.contender, one.condition)
        version = self.cloud.new_version(one.name, number)
        answer = self.cloud.invoke(one.name, version, one.workload.event)
        report = answer.report
        if answer.failed or report is None or report.problem:
            why = answer.failed or (report.problem if report else "no REPORT line in the log")
            self.store.append([{**row, "failed": "error", "detail": why}])
        elif report.init is None:
            self.store.append([{**row, "failed": "warm", "detail": "this start was not cold"}])
        else:
            sample: Row = {
                "round": number,
                "init_ms": report.init,
                "cold_ms": round(report.init + report.duration, 3),
                "billed_ms": report.billed,
                "rss_mb": report.max_memory,
            }
            if number < WARM_VERSIONS:
                sample |= self._warm(one, version)
            self.store.append([{**row, **sample}])
        self.cloud.delete_version(one.name, version)

    def _warm(self, one: Deployed, version: str) -> dict[str, Any]:
        reports = [
            self.cloud.invoke(one.name, version, one.workload.event).report for _ in range(WARM)
        ]
        durations = [r.duration for r in reports if r is not None and r.init is None]
        return {"warm_us": [d * 1000 for d in durations], "warm_wall_ms": sum(durations)}


def _where(workload: Workload, contender: str, condition: Condition) -> Row:
    return {
        "workload": workload.name,
        "condition": condition.name,
        "contender": contender,
        "at": round(time.time(), 2),
    }


def run(parsed: argparse.Namespace, chosen: Matrix, store: Store | None, *, log: Log) -> None:
    """Tell, or do; ``store`` is where samples go when it is done."""
    prices = {"gb_second": parsed.gb_second, "million_requests": parsed.million_requests}
    if parsed.sweep:
        for name in Cloud("").sweep():
            print(f"removed {name}")
        return
    if store is None:
        cloud = Cloud("RUN")
        print(describe(chosen, cloud, cloud.account(), prices))
        return
    cloud = Cloud(f"{random.SystemRandom().getrandbits(32):08x}")
    cloud.account()
    store.facts["machine"] = {
        "cpu": f"AWS Lambda, {cloud.region}, {targets.host().arch}",
        "cores": 1, "memory_gb": 0, "kernel": "AWS Lambda", "virtual": True,
    }  # fmt: skip
    work = cache.root() / "bench"
    work.mkdir(parents=True, exist_ok=True)
    with private_folder(parent=work) as scratch:
        shop = Workshop(
            scratch=scratch, log=log, stock=parsed.stock or "", build_times=parsed.build_times
        )
        AwsRun(
            chosen=chosen,
            cloud=cloud,
            shop=shop,
            store=store,
            seed=store.facts["plan"]["seed"],
            role=parsed.role or "",
        ).measure()


def conditions(chosen: Matrix) -> dict[str, list[str]]:
    """For the plan of the run: the memory sizes alone."""
    names = [Condition(memory=memory).name for memory in sorted(chosen.memory)]
    return dict.fromkeys(chosen.workloads, names)
