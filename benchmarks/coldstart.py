"""Cold start, warm invocation and memory of a bootstrap, against awslambdaric and a C echo.

    python benchmarks/coldstart.py dist/hello --stock python3.13

Contenders run in turns, in an order shuffled by a printed seed. Medians, with the 10th and 90th
percentile beside them. ``--stock`` is a CPython 3.13; awslambdaric is installed for it into a
private environment. The timer and the echo are C, compiled by Zig (timer.c, echo.c).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import uv

from build_scripts.toolchain import zig

HERE = Path(__file__).parent
EVENT = b'{"name": "world"}'
AWSLAMBDARIC = "awslambdaric==4.2.2"
MEASURES = ("init_ms", "cold_ms", "warm_us", "cpu_ms", "rss_mb")


def compile_c(name: str, folder: Path) -> Path:
    program = folder / name
    subprocess.run(
        [zig(), "cc", "-O2", "-target", f"{os.uname().machine}-linux-musl", "-static",
         HERE / f"{name}.c", "-o", program],
        check=True,
    )  # fmt: skip
    return program


def reference(stock: str, folder: Path, requirements: Path | None) -> Path:
    """A virtual environment of ``stock`` with awslambdaric and the requirements; its python."""
    uv_bin = uv.find_uv_bin()
    subprocess.run([uv_bin, "venv", "--quiet", "--python", stock, folder], check=True)
    python = folder / "bin" / "python"
    wanted = [AWSLAMBDARIC, *(["-r", requirements] if requirements else [])]
    install = [uv_bin, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    subprocess.run([*install, *wanted], check=True)
    return python


def measure(timer: Path, command: list[str], cwd: Path, warm: int, event: Path) -> dict[str, float]:
    environ = {
        "PATH": os.environ["PATH"],
        "LANG": "en_US.UTF-8",
        "TZ": ":/etc/localtime",
        "_HANDLER": "app.handler",
        "LAMBDA_TASK_ROOT": str(cwd),
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
    }
    done = subprocess.run(
        [timer, str(warm), event, "--", *command],
        cwd=cwd, env=environ, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return {name: float(value) for name, value in json.loads(done.stdout).items()}


def contenders(args: argparse.Namespace, scratch: Path) -> dict[str, tuple[list[str], Path]]:
    task = scratch / "task"
    with zipfile.ZipFile(args.output / "function.zip") as file:
        file.extractall(task)
    (task / "bootstrap").chmod(0o755)
    found = {
        "echo (C)": ([str(compile_c("echo", scratch))], task),
        "bootstrap": ([str(task / "bootstrap")], task),
    }
    for folder in args.also:
        other = scratch / f"also-{len(found)}"
        with zipfile.ZipFile(folder / "function.zip") as file:
            file.extractall(other)
        (other / "bootstrap").chmod(0o755)
        found[str(folder)] = ([str(other / "bootstrap")], other)
    if args.stock:
        python = str(reference(args.stock, scratch / "reference", args.requirements))
        project = args.project.resolve()
        found["awslambdaric"] = ([python, "-m", "awslambdaric", "app.handler"], project)
    return found


def report(samples: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    medians: dict[str, dict[str, float]] = {}
    print(f"{'':16}" + "".join(f"{name:>24}" for name in MEASURES))
    for name, runs in samples.items():
        cells = []
        medians[name] = {}
        for what in MEASURES:
            values = sorted(run[what] for run in runs)
            medians[name][what] = statistics.median(values)
            low, high = values[len(values) // 10], values[-1 - len(values) // 10]
            cells.append(f"{medians[name][what]:10.2f} [{low:.2f}–{high:.2f}]")
        print(f"{name:16}" + "".join(f"{cell:>24}" for cell in cells))
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="a finished build, such as dist/hello")
    parser.add_argument("also", type=Path, nargs="*", help="other builds to compare with")
    parser.add_argument("--project", type=Path, default=HERE.parent / "examples" / "hello")
    parser.add_argument("--requirements", type=Path, help="of the project, for awslambdaric")
    parser.add_argument("--event", type=Path, help="a file with the event")
    parser.add_argument("--stock", default="", help="a CPython 3.13 to run awslambdaric on")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--warm", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", type=Path, help="write every sample here")
    args = parser.parse_args()
    print(f"seed {args.seed}, {args.runs} runs, {args.warm} warm invocations", file=sys.stderr)
    order = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        timer = compile_c("timer", scratch)
        event = scratch / "event.json"
        event.write_bytes(args.event.read_bytes() if args.event else EVENT)
        found = contenders(args, scratch)
        samples: dict[str, list[dict[str, float]]] = {name: [] for name in found}
        for run in range(-1, args.runs):  # run -1 warms the page cache and is not counted
            for name in order.sample(list(found), len(found)):
                command, cwd = found[name]
                sample = measure(timer, command, cwd, args.warm, event)
                if run >= 0:
                    samples[name].append(sample)
    medians = report(samples)
    if "awslambdaric" in medians:
        ratio = medians["bootstrap"]["cold_ms"] / medians["awslambdaric"]["cold_ms"]
        print(f"\ncold start: {ratio:.2f} × awslambdaric")
    ratio = medians["bootstrap"]["warm_us"] / medians["echo (C)"]["warm_us"]
    print(f"warm invocation: {ratio:.2f} × the C echo")
    for name in ("bootstrap", "function.zip"):
        print(f"{name}: {(args.output / name).stat().st_size / 1e6:.2f} MB")
    if args.json:
        args.json.write_text(json.dumps(samples))


if __name__ == "__main__":
    main()
