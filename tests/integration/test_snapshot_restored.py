"""A restored process is as good as a fresh one: threads, processes, network, libraries, system.

Each check of tests/functions/restored asserts what must hold anywhere, and returns what has to be
the same in the restored process as in one that started the normal way.
"""

from __future__ import annotations

import ast
import re

import lambda_like
import pytest
from support import FUNCTIONS

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")  # of a log line
FUNCTION = FUNCTIONS / "restored"
GIVEN = {"CHECK_GIVEN": "ü"}
ZONES = {
    "utc": {"TZ": ":UTC"},
    "rule": {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"},
    "name": {"TZ": "America/New_York"},
}


def checks() -> list[str]:
    """The functions of the modules without an underscore in front."""
    names = []
    for path in sorted((FUNCTION / "checks").glob("[a-z]*.py")):
        body = ast.parse(path.read_text()).body
        functions = [node for node in body if isinstance(node, ast.FunctionDef)]
        names += [f"{path.stem}.{f.name}" for f in functions if not f.args.args]
    return [name for name in names if "._" not in name]


@pytest.fixture(scope="module", params=["bytecode", "native"])
def task(request, built, tmp_path_factory):
    output = built("restored", "app.handler", "--code", request.param, "--snapshot", "full")
    return lambda_like.unpack(output, tmp_path_factory.mktemp("restored") / "task")


def ask(task, *names: str, restored: bool, **environ: str):
    given = {**GIVEN, **environ, **({} if restored else lambda_like.NORMALLY)}
    run = lambda_like.run(task, [{"check": name} for name in names], environ=given)
    assert run.normal == []
    return run


@pytest.mark.parametrize("name", checks())
def test_the_same_as_in_a_fresh_process(task, name):
    restored, fresh = (ask(task, name, restored=which) for which in (True, False))
    assert [reply.kind for reply in restored.replies] == ["response"], restored.stderr
    assert restored.answers == fresh.answers
    assert restored.exit_code == fresh.exit_code
    assert STAMP.sub("", restored.stdout) == STAMP.sub("", fresh.stdout)
    assert len(restored.stderr.splitlines()) == len(fresh.stderr.splitlines()), restored.stderr


def test_one_after_the_other_in_one_process(task):
    """What one check leaves behind does not hurt the next."""
    names = [name for name in checks() if name != "interpreter.imports"]
    restored, fresh = (ask(task, *names, *names, restored=which) for which in (True, False))
    differing = {
        name
        for name, one, other in zip((*names, *names), restored.answers, fresh.answers, strict=True)
        if one != other
    }
    assert differing == set()
    # Once only: a generator that is at its end is an error the second time, in both.
    assert {reply.kind for reply in restored.replies[: len(names)]} == {"response"}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("check", ["system.local_time", "system.local_time_changed"])
def test_time_zones_of_the_start(task, zone, check):
    restored, fresh = (ask(task, check, restored=which, **ZONES[zone]) for which in (True, False))
    assert restored.answers == fresh.answers


@pytest.mark.parametrize("language", ["C", "C.UTF-8", "de_DE.UTF-8"])
def test_languages_of_the_start(task, language):
    """LANG is one of Lambda's own variables; a function may set another."""
    given = {**GIVEN, "LANG": language}
    events = [{"check": "system.locales"}, {"check": "libraries.locales"}]
    fresh = lambda_like.run(task, events, environ={**given, **lambda_like.NORMALLY})
    assert lambda_like.run(task, events, environ=given).answers == fresh.answers


def test_a_process_knows_that_it_is_restored(task):
    """The other tests here would prove nothing if no process was."""
    program = (f"{lambda_like.TASK}/bootstrap",)
    event = {"check": "phase"}
    found = [
        lambda_like.run(task, [event], environ=environ, program=program).answers
        for environ in ({}, lambda_like.NORMALLY)
    ]
    assert found == [["restored"], ["normal"]]
