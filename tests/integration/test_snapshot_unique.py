"""A thousand processes from one image: no two share what chance has given them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import lambda_like
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A thousand take three quarters of a minute on two busy cores.
STARTS = int(os.environ.get("NB_TEST_STARTS", "300"))
AT_ONCE = 100
CONSTANTS = ("authkey",)  # of one process


@pytest.fixture(scope="module")
def task(built, tmp_path_factory):
    def make(function: str, *options: str) -> Path:
        output = built(function, "app.handler", "--code", "bytecode", *options)
        return lambda_like.unpack(output, tmp_path_factory.mktemp("unique") / "task")

    return make


def start(task: Path, count: int, namespaces: Sequence[str] = ()) -> list[lambda_like.Run]:
    """``count`` processes, each answering twice."""

    def one(_: int) -> lambda_like.Run:
        return lambda_like.run(task, namespaces=namespaces)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(count)))


def assert_unique(runs: list[lambda_like.Run], constants: Sequence[str]) -> None:
    """No value twice, over all processes and both answers; constants: over all processes."""
    assert {run.stderr for run in runs} == {""}
    seen: dict[str, list[str]] = {}
    for run in runs:
        for number, answer in enumerate(run.answers):
            for name, value in answer.items():
                if number == 0 or name not in constants:
                    seen.setdefault(name, []).append(str(value))
    assert len(seen) > 10
    twice = {name: len(values) - len(set(values)) for name, values in seen.items()}
    assert {name: count for name, count in twice.items() if count} == {}


def test_a_thousand_starts(task):
    assert_unique(start(task("unique", "--snapshot", "full"), STARTS), CONSTANTS)


def test_a_thousand_starts_with_equal_pids(task):
    """Each in a pid namespace of its own, where it is process 1."""
    built = task("unique", "--snapshot", "full")
    assert_unique(start(built, STARTS, lambda_like.PID_1), CONSTANTS)


def test_generators_used_at_import(task):
    runs = start(task("unique-primed"), AT_ONCE, lambda_like.PID_1)
    constants = [name for name in runs[0].answers[0] if name.startswith("constant ")]
    assert len(constants) > 5
    assert_unique(runs, constants)
