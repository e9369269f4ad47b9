"""Cold start, warm invocation and memory of a bootstrap, against awslambdaric and a C echo.

    python benchmarks/coldstart.py dist/hello --stock python3.13

Contenders run in turns, in an order shuffled by a printed seed, each from /var/task in a mount
namespace of its own and with Lambda's environment. Medians, with minima beside them.
``--stock`` is a CPython 3.13; awslambdaric is installed for it into a private environment.
``--cpu-share 0.072`` gives the contender, not the timer, the CPU share of a 128 MB function.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from contenders import Contender, bootstraps, compile_c, echo, interpreted
from cpu_share import NotPermittedError, limited

HERE = Path(__file__).parent
PROJECTS = (HERE.parent / "examples", HERE / "workloads")
EVENT = b'{"name": "world"}'
BOOTSTRAP, REFERENCE, ECHO = "bootstrap", "awslambdaric", "echo (C)"
# What timer.c prints: a heading, and the digits after the point.
MEASURES = {
    "cold_ms": ("exec → 1st answer ms", 2),
    "init_ms": ("exec → 1st /next ms", 2),
    "cold_cpu_ms": ("CPU ms", 2),
    "cold_faults": ("faults", 0),
    "warm_us": ("warm µs", 0),
    "rss_mb": ("RSS MB", 1),
    "pss_mb": ("PSS MB", 1),
    "anon_mb": ("anonymous MB", 1),
}
RATIOS = (
    (statistics.median, "cold_ms"),
    (min, "cold_ms"),
    (min, "cold_cpu_ms"),
    (statistics.median, "rss_mb"),
)
Samples = dict[str, list[dict[str, float]]]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, help="a finished build, such as dist/hello")
    parser.add_argument("--project", type=Path, help="its project, where it is not one of ours")
    parser.add_argument("--event", type=Path, help="a file with the event (the project's, if any)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--stock", default="", help="a CPython 3.13 to run awslambdaric on")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--warm", type=int, default=300)
    parser.add_argument("--cpu-share", type=float, help="part of one core, such as 0.072")
    parser.add_argument("--cpu-period", type=float, default=20, help="ms in which it is granted")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", type=Path, help="write every sample here")
    args = parser.parse_args()
    found = [folder / args.output.resolve().name for folder in PROJECTS]
    args.project = args.project or next(filter(Path.is_dir, found), found[0])
    event = args.event or args.project / "event.json"
    args.event = event.read_bytes() if event.is_file() else EVENT
    return args


def contenders(args: argparse.Namespace, scratch: Path) -> tuple[dict[str, Contender], int]:
    """By name; and the size of awslambdaric's zip, 0 without it."""
    handler = json.loads((args.output / "report.json").read_text())["handler"]
    found = {ECHO: echo(scratch), **bootstraps(args.output, scratch / "task")}
    if not args.stock:
        return found, 0
    reference = interpreted(args.stock, args.project, handler, scratch / "reference")
    return {**found, REFERENCE: reference.contender}, reference.zip_size


def environment(args: argparse.Namespace) -> dict[str, str]:
    """What the deployment of this function sets: what the build was told of, and --env."""
    report = json.loads((args.output / "report.json").read_text())
    guards = report["snapshot"].get("guards", {})
    declared = {name: guards.get(name) for name in report["snapshot"].get("declared", [])}
    given = dict(item.partition("=")[::2] for item in args.env)
    kept = {name: value for name, value in declared.items() if value is not None}
    return {"_HANDLER": report["handler"], **kept, **given}


def measure(args: argparse.Namespace, found: Mapping[str, Contender], scratch: Path) -> Samples:
    event = scratch / "event.json"
    event.write_bytes(args.event)
    timer = compile_c("timer", scratch)
    environ = environment(args)
    order = random.Random(args.seed)
    samples: Samples = {name: [] for name in found}
    for run in range(-1, args.runs):  # run -1 warms the page cache and is not counted
        for name in order.sample(list(found), len(found)):
            share = args.cpu_share
            with limited(share, args.cpu_period) if share else nullcontext() as procs:
                options = ["--procs", procs] if procs else []
                sample = found[name].run([timer, *options, str(args.warm), event], environ)
            if run >= 0:
                samples[name].append(sample)
    return samples


def table(samples: Samples) -> None:
    """A line per contender."""
    headings = [heading for heading, _ in MEASURES.values()]
    print(f"{'median [minimum]':17}" + "".join(f"{heading:>22}" for heading in headings))
    for name, runs in samples.items():
        cells = [
            f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}]"
            for what, (_, digits) in MEASURES.items()
            for values in [[run[what] for run in runs]]
        ]
        print(f"{name:17}" + "".join(f"{cell:>22}" for cell in cells))


def ratios(samples: Samples) -> None:
    """How often the bootstrap's time fits into each other's, and its memory compared to theirs."""
    print("\ncold start compared with      median   minimum   CPU minimum   RSS")
    ours = samples[BOOTSTRAP]
    for name, theirs in samples.items():
        if name == BOOTSTRAP:
            continue
        cells = [
            statistic(run[what] for run in theirs) / statistic(run[what] for run in ours)
            for statistic, what in RATIOS
        ]
        slower = name == ECHO  # what cannot be reached: then the other way round reads better
        times = [f"{1 / cell:.2f} × its" if slower else f"{cell:.1f} ×" for cell in cells[:-1]]
        print(f"{name:24}" + "".join(f"{cell:>12}" for cell in times) + f"{1 / cells[-1]:>9.2f} ×")


def main() -> None:
    args = parse()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if args.cpu_share:
            try:
                with limited(args.cpu_share, args.cpu_period):
                    pass
            except NotPermittedError as why:
                print(f"skipped: a share of the CPU cannot be set here: {why}")
                return
            print(f"with {args.cpu_share:.1%} of a core, granted every {args.cpu_period:g} ms")
        found, zip_size = contenders(args, scratch)
        print(f"seed {args.seed}, {args.runs} runs, {args.warm} warm invocations\n")
        samples = measure(args, found, scratch)
    table(samples)
    ratios(samples)
    sizes = {path: (args.output / path).stat().st_size for path in ("bootstrap", "function.zip")}
    line = ", ".join(f"{path} {size / 1e6:.2f} MB" for path, size in sizes.items())
    print(line + (f"; interpreted zip {zip_size / 1e6:.2f} MB" if zip_size else ""))
    if args.json:
        args.json.write_text(json.dumps(samples))


if __name__ == "__main__":
    main()
