"""Case by case: what the reference client does is what we do, but for the differences we want."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from differential.cases import CASES
from differential.differences import DIFFERENCES, expected
from differential.model import Case, Outcome

Runner = Callable[[Case], Outcome]
BY_NAME = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def _check(case: Case, reference: Outcome, ours: Outcome, contender: str) -> None:
    wanted, rows = expected(case, reference, contender)
    for row in rows:
        if row.message is not None:
            assert re.fullmatch(row.message, ours.stderr), row.reason
            ours = dataclasses.replace(ours, stderr="")
    assert ours == wanted


@BY_NAME
def test_interpreted_is_the_reference(case: Case, reference: Runner, interpreted: Runner) -> None:
    _check(case, reference(case), interpreted(case), "interpreted")


@BY_NAME
def test_compiled_is_the_reference(case: Case, reference: Runner, compiled: Runner) -> None:
    _check(case, reference(case), compiled(case), "compiled")


@BY_NAME
def test_snapshot_is_the_reference(case: Case, reference: Runner, snapshot: Runner) -> None:
    """A process that could not use its snapshot would say so on stderr, and differ."""
    _check(case, reference(case), snapshot(case), "compiled")


@BY_NAME
def test_arm64_is_the_reference(case: Case, reference: Runner, arm64: Runner) -> None:
    _check(case, reference(case), arm64(case), "compiled")


def test_every_difference_concerns_a_case(reference: Runner) -> None:
    outcomes = [(case, reference(case)) for case in CASES]
    for row in DIFFERENCES:
        assert any(row.concerns(case, outcome) for case, outcome in outcomes), row.reason
