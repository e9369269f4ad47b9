"""The pack's Python against a stock CPython 3.13, kernel by kernel.

    python benchmarks/throughput.py --stock python3.13

Both interpreters run each kernel in turns, in fresh processes; the best time of all runs counts,
because noise on a shared machine only ever adds. Prints a table and the geometric mean of
stock / pack (above 1: the pack is faster).
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

from build_scripts import pack, targets
from build_scripts.log import quiet

sys.path.insert(0, str(Path(__file__).parent))
from kernels import KERNELS

RUNS = 5


def best(python: str, kernel: str) -> float:
    script = Path(__file__).with_name("kernels.py")
    done = subprocess.run(
        [python, "-I", script, kernel], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def version(python: str) -> str:
    code = "import sys; print(sys.version)"
    return subprocess.run(
        [python, "-I", "-c", code], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stock", default="python3.13", help="the CPython to compare with")
    parser.add_argument("--pack", default="", help="default: the pack's python3.13")
    parser.add_argument("--kernels", default=",".join(KERNELS))
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--json", type=Path, help="write all numbers here")
    args = parser.parse_args()
    ours = args.pack or str(pack.ensure(targets.host(), log=quiet()).python)
    print(f"stock: {version(args.stock)}\npack:  {version(ours)}\n")
    ratios: dict[str, float] = {}
    for kernel in args.kernels.split(","):
        times = {"stock": math.inf, "pack": math.inf}
        for _ in range(args.runs):
            times["stock"] = min(times["stock"], best(args.stock, kernel))
            times["pack"] = min(times["pack"], best(ours, kernel))
        ratios[kernel] = times["stock"] / times["pack"]
        print(
            f"{kernel:16} stock {times['stock'] * 1e3:8.2f} ms   "
            f"pack {times['pack'] * 1e3:8.2f} ms   {ratios[kernel]:5.2f}×",
            flush=True,
        )
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
    print(f"\ngeometric mean {mean:.2f}×, worst {min(ratios, key=ratios.__getitem__)}", end=" ")
    print(f"{min(ratios.values()):.2f}×")
    if args.json:
        args.json.write_text(json.dumps({"geometric_mean": mean, "ratios": ratios}, indent=1))


if __name__ == "__main__":
    main()
