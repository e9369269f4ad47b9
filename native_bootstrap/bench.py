"""The options of ``build-native bench``; what it does is in build_scripts/bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

WARM = 2000  # invocations in a process: five of them carry a P99.9
TIMEOUT_SECONDS = 60.0
# us-east-1, x86_64, without the free tier (aws.amazon.com/lambda/pricing).
USD_PER_GB_SECOND = 0.0000166667
USD_PER_MILLION_REQUESTS = 0.20


def add_options(parser: argparse.ArgumentParser, boolean: type[argparse.Action]) -> None:
    """``boolean``: argparse.BooleanOptionalAction, which only the caller imports."""
    add = parser.add_argument
    add("handler", nargs="?", help="your handler: module.function (default: the project's own)")
    add("--project", type=Path, metavar="DIR", help="folder of the handler (default: here)")
    add("-r", "--requirements", type=Path, metavar="FILE", help="default: the project's own")
    add("--event", type=Path, metavar="FILE", help="the event (default: {})")
    add("--env", action="append", metavar="NAME=VALUE", help="a variable of the function *")
    add("--env-file", type=Path, metavar="FILE", help="such variables, one in a line")
    add("--workload", action="append", metavar="NAME", help="of the matrix, only this one *")
    add("--contender", action="append", metavar="NAME", help="of the matrix, only this one *")
    add("--matrix", action="append", type=Path, metavar="FILE", help="more of both, as TOML *")
    add("--reference", metavar="NAME", help="contender that ratios refer to (awslambdaric)")
    add("--output", type=Path, metavar="DIR", help="default: dist/bench; a run there goes on")
    add("--runs", type=int, metavar="N", help="cold starts of every cell (default: 30)")
    warm = "warm invocations in each of 5 processes"
    add("--warm", type=int, default=WARM, metavar="N", help=warm)
    shares = "sizes with their share of the CPU, or none (default: 128,512,1024,1769)"
    add("--memory", metavar="MB,MB", help=shares)
    cold = "also with nothing in the page cache"
    add("--cold-cache", action=boolean, default=None, help=cold)
    times = "also measure how long a build takes"
    add("--build-times", action=boolean, default=True, help=times)
    add("--stock", metavar="PYTHON", help="a CPython 3.13 for awslambdaric")
    add("--seed", type=int, metavar="N", help="of the order (default: drawn and told)")
    silent = "a function that says nothing for so long has failed"
    add("--timeout", type=float, default=TIMEOUT_SECONDS, metavar="SECONDS", help=silent)
    price = "USD per GB-s (default: x86_64 in us-east-1)"
    add("--gb-second", type=float, default=USD_PER_GB_SECOND, metavar="USD", help=price)
    requests = "USD per million requests"
    add("--million-requests", type=float, default=USD_PER_MILLION_REQUESTS, metavar="USD",
        help=requests)  # fmt: skip
    changed = "what changed from one run to another"
    add("--compare", nargs=2, type=Path, metavar=("OLD", "NEW"), help=changed)
    add("--render", type=Path, metavar="DIR", help="write the report of a run again")
    add("--target", choices=("local", "aws"), default="local", help="aws: on real Lambda")
    add("--execute", action="store_true", help="with --target aws: do it (default: tell only)")
    left = "with --target aws: remove what earlier runs have left"
    add("--sweep", action="store_true", help=left)
    add("--role", metavar="ARN", help="with --target aws: the functions' role (default: a new one)")
    add("--verbose", action="store_true", help="show every command that is run")
    add("--debug", action="store_true", help="show tracebacks of errors")
