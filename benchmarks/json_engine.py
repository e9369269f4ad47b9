"""What orjson brings as the runtime's JSON engine, for events of 1 KB, 100 KB and 5 MB.

    python benchmarks/json_engine.py [--stock python3.13] [--runs 5]

One function that returns its event, built with `--json orjson` and `--json stdlib`, and for
awslambdaric on a stock CPython. Each process is started at /var/task as on Lambda and given the
same event again and again by a Runtime API in C (build_scripts/bench/timer.c), in turns; median
[least] of all invocations of all processes. "read" and "write" are measured inside the process,
without the transport: the least time of a second's calls.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from build_scripts.bench.contenders import Ready, UnavailableError, Workshop
from build_scripts.bench.matrix import Contender, Workload
from build_scripts.bench.timing import Timer
from build_scripts.log import quiet
from native_bootstrap import invoke, task_root

HERE = Path(__file__).parent
PROJECT = HERE / "workloads" / "echo"
ENGINES = ("orjson", "stdlib")
SIZES = {"1 KB": 1_000, "100 KB": 100_000, "5 MB": 5_000_000}
WARM = {"1 KB": 2000, "100 KB": 200, "5 MB": 12}


def event(size: int) -> bytes:
    """An order list, written as other programs would write it."""
    sys.path.insert(0, str(PROJECT))
    import inside

    return json.dumps(inside.document(size), ensure_ascii=False).encode()


def prepare(shop: Workshop, stock: bool) -> dict[str, Ready]:
    workload = Workload(name="echo", project=PROJECT, event=b'{"name": "world"}')
    found = {}
    for engine in ENGINES:
        os.environ["BUILD_NATIVE_JSON"] = engine
        found[engine] = shop.prepare(Contender(name=engine, kind="build"), workload)
    del os.environ["BUILD_NATIVE_JSON"]
    if stock:
        client = Contender(name="awslambdaric", kind="awslambdaric")
        try:
            found["awslambdaric"] = shop.prepare(client, workload)
        except UnavailableError as error:
            print(f"without awslambdaric: {error}", file=sys.stderr)
    return found


def invocations(
    timer: Timer, ready: Ready, file: Path, warm: int, samples: dict[str, list[float]]
) -> None:
    """One process: its first answer in ms, the others in µs."""
    sample = timer.start(ready.program, file, {"_HANDLER": "app.handler"}, warm=warm)
    if "failed" in sample:
        raise SystemExit(f"{ready.program.command[0]}: {sample['failed']}: {sample['detail']}")
    samples["cold"].append(sample["cold_ms"])
    samples["warm"] += sample["warm_us"]


def inside(ready: Ready, size: int) -> dict[str, float]:
    """What the process itself measures."""
    asked = json.dumps({"measure": size}).encode()
    answer = invoke.invoke(ready.program.task.parent / "dist", asked)
    if not answer.ok:
        raise SystemExit(answer.body.decode())
    return json.loads(answer.body)


def shown(samples: list[float]) -> str:
    return f"{statistics.median(samples):9.1f} [{min(samples):9.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stock", help="a CPython 3.13 for awslambdaric; none: without it")
    parser.add_argument("--runs", type=int, default=5, help="processes of each kind and size")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=HERE) as scratch:
        shop = Workshop(
            scratch=Path(scratch), log=quiet(), stock=args.stock or "", build_times=False
        )
        ready = prepare(shop, bool(args.stock))
        enter = Path(task_root.__file__)
        timer = Timer(program=shop.compiled("timer"), enter=enter, silence_seconds=60)
        for name, size in SIZES.items():
            file = Path(scratch, "event.json")
            file.write_bytes(event(size))
            samples = {key: {"cold": [], "warm": []} for key in ready}
            for _ in range(args.runs):
                for key, one in ready.items():
                    invocations(timer, one, file, WARM[name], samples[key])
            for key, found in samples.items():
                first, warm = shown(found["cold"]), shown(found["warm"])
                row = f"{name:6} {key:12} first {first} ms  warm {warm} µs"
                if key in ENGINES:
                    times = inside(ready[key], size)
                    row += f"  read {times['read']:9.1f}  write {times['write']:9.1f} µs"
                print(row, flush=True)


if __name__ == "__main__":
    main()
