"""AWS's own emulator drives the bootstrap."""

from __future__ import annotations

import json

import pytest
from support import FUNCTIONS


@pytest.fixture
def sample(built, unpacked, emulator):
    def start(handler: str = "app.handler", **environ: str):
        return emulator(unpacked(built("sample", handler)), handler, **environ)

    return start


def ask(running, **event):
    answer = running.invoke(json.dumps(event).encode())
    return json.loads(answer.data)


def test_success(sample):
    answer = ask(sample(), do="echo", value={"ü": [1, 2.5, None]})
    assert answer["echo"] == {"ü": [1, 2.5, None]}
    assert len(answer["id"]) == 36


def test_handler_error(sample, tmp_path):
    answer = ask(sample(), do="fail", why="boom")
    source = tmp_path / "task" / "app.py"  # the task root here; /var/task on Lambda
    lines = (FUNCTIONS / "sample" / "app.py").read_text().splitlines()

    def frame(function: str, text: str) -> str:
        number = lines.index(f"    {text}") + 1
        return f'  File "{source}", line {number}, in {function}\n    {text}\n'

    assert answer["stackTrace"] == [
        frame("handler", 'return globals()["do_" + event["do"]](event, context)'),
        frame("do_fail", 'raise MyError(event.get("why", "failed"))'),
    ]


def test_the_process_survives_errors(sample):
    running = sample()
    ask(running, do="fail")
    assert ask(running, do="echo", value=7)["echo"] == 7


def test_timeout(sample):
    running = sample(AWS_LAMBDA_FUNCTION_TIMEOUT="2")
    answer = running.invoke(json.dumps({"do": "sleep", "seconds": 30}).encode())
    assert b"timed out after 2.00 seconds" in answer.data


def test_init_error(sample):
    running = sample("broken.handler")
    answer = running.invoke(b"{}")
    assert answer.status == 502
    assert json.loads(answer.data)["errorType"] == "RuntimeError"
    assert "no configuration" in running.output()


def test_exit_inside_the_handler(sample):
    answer = ask(sample(), do="exit", status=3)
    assert answer["errorType"] == "Runtime.ExitError"


def test_six_megabytes(sample):
    running = sample()
    value = "ä" * (3 * 1024 * 1024 - 1000)  # two bytes each
    event = json.dumps({"do": "size", "value": value}, ensure_ascii=False).encode()
    assert json.loads(running.invoke(event).data) == {"size": len(value)}
    assert len(ask(running, do="large", size=6 * 1024 * 1024 - 2)) == 6 * 1024 * 1024 - 2


def test_a_thousand_invocations(sample):
    running = sample()
    for number in range(1000):
        assert ask(running, do="echo", value=number)["echo"] == number
    assert running.process.poll() is None
