"""orjson as the JSON engine of real programs: there, quick, and nobody else's business."""

from __future__ import annotations

import json

import pytest
from support import build_native

from native_bootstrap import invoke

OFF = {"NATIVE_BOOTSTRAP_SNAPSHOT": "off"}
FACTS = """
    from native_bootstrap.runtime import json_engine
    facts = {"works": json_engine.loads is not None, "modules": sorted(sys.modules)}
"""
APP = f"""
import sys

def handler(event, context):
    if event != "facts":
        return event
{FACTS}
    try:
        import orjson
    except ImportError as error:
        facts["orjson"] = str(error)
    return facts
"""
OWN = f"""
import sys, uuid
import orjson

def handler(event, context):
    if event != "facts":
        return event
{FACTS}
    facts["same"] = json_engine.loads is orjson.loads
    facts["uuid"] = orjson.dumps(uuid.UUID(int=1)).decode()
    return facts
"""
# More than the standard library may read before orjson is loaded; with what only one of them does.
LARGE = {"numbers": [10**30, 1e-7, -0.0, 2**64 - 1, 1e16], "text": "é" * 40_000}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """``program(source, *options)``: the output folder of a build."""

    def build(source: str, *options: str, requirements: str = ""):
        folder = tmp_path_factory.mktemp("json")
        (folder / "app.py").write_text(source)
        (folder / "requirements.txt").write_text(requirements)
        output = folder / "out"
        result = build_native(
            "build", "app.handler", "--project", folder, "--output", output, *options
        )
        assert result.status == 0, result.err
        return output

    return build


@pytest.fixture(scope="module")
def default(program):
    return program(APP)


def ask(output, event, **given):
    answer = invoke.invoke(output, json.dumps(event).encode(), given=given)
    assert answer.ok, answer.body
    assert answer.log == "", answer.log
    return answer.body


def facts(output, **given):
    return json.loads(ask(output, "facts", **given))


def report(output):
    return json.loads((output / "report.json").read_text())


def test_an_image_has_it_from_the_start(default):
    found = facts(default)
    assert found["works"]
    assert not {"dataclasses", "json", "uuid", "datetime"} & set(found["modules"])
    assert report(default)["json"].startswith("orjson 3.")
    assert ask(default, [1e-7]) == b"[1e-7]", "its way of writing"


def test_the_function_finds_no_orjson(default):
    assert facts(default)["orjson"] == "No module named 'orjson'"
    assert not any("orjson" in name for name in facts(default, **OFF)["modules"])


def test_a_normal_start_does_not_pay_for_it(default):
    assert not facts(default, **OFF)["works"]
    assert ask(default, [1e-7], **OFF) == b"[1e-07]", "the standard library's"


@pytest.mark.parametrize("given", [{}, OFF], ids=["image", "normal start"])
def test_large_events(default, given):
    body = ask(default, LARGE, **given)
    assert json.loads(body) == LARGE
    del LARGE["numbers"][0]
    body = ask(default, LARGE, **given)
    LARGE["numbers"].insert(0, 10**30)
    assert b'"numbers":[1e-7,-0.0,' in body, "written by orjson"


@pytest.mark.parametrize("given", [{}, OFF], ids=["image", "normal start"])
@pytest.mark.parametrize("event", [b"[1", b'"\\ud800', b"\xff", b"NaN", b""])
def test_broken_events(default, event, given):
    answer = invoke.invoke(default, event, given=given)
    assert json.loads(answer.body)["errorType"] == "Runtime.UnmarshalError"


def test_it_can_be_left_out(program):
    output = program(APP, "--json", "stdlib")
    assert not facts(output)["works"]
    assert json.loads(ask(output, LARGE)) == LARGE
    assert report(output)["json"] == "stdlib"
    assert report(output)["sizes"]["shared_objects"] == 0


def test_the_projects_own_is_used(program):
    output = program(OWN, requirements="orjson")
    assert report(output)["json"] == "orjson (the project's)"
    for given in ({}, OFF):
        found = facts(output, **given)
        assert found["uuid"] == '"00000000-0000-0000-0000-000000000001"'
    found = facts(output)
    assert found["works"]
    assert found["same"]
    assert json.loads(ask(output, LARGE, **OFF)) == LARGE
