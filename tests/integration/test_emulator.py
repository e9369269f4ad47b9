"""AWS's own emulator drives the bootstrap."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import lambda_like
import pytest
from support import FUNCTIONS

from build_scripts import targets


@pytest.fixture(params=["snapshot", *targets.TARGETS])
def sample(request, built, unpacked, emulator):
    """``sample(handler)``: the emulator with the sample in it, for each architecture started
    normally, and from its snapshot."""

    def start(handler: str = "app.handler", **environ: str):
        if request.param == "snapshot":
            return from_snapshot(unpacked(built("sample", "app.handler")), handler, environ)
        folder = unpacked(built("sample", "app.handler", "--arch", request.param))
        if request.param != targets.host().arch:
            run_with_qemu(folder / "bootstrap", targets.find(request.param))
        start.root = folder
        return emulator(folder, handler, **lambda_like.NORMALLY, **environ)

    def from_snapshot(folder: Path, handler: str, environ: dict[str, str]):
        variables = [f"{name}={value}" for name, value in (lambda_like.FIXED | environ).items()]
        # `env` would take the emulator's path, which has a "=", for a variable.
        command = ("sh", "-c", 'exec "$0" "$@"')
        prefix = [*lambda_like.at_var_task(folder), *variables, *command]
        start.root = Path(lambda_like.TASK)
        return emulator(folder, handler, prefix=prefix, root=start.root)

    start.kind = request.param
    return start


def run_with_qemu(program: Path, target: targets.Target) -> None:
    """Put a script in the place of ``program`` that runs it; skips when there is no qemu."""
    names = (f"qemu-{target.machine}-static", f"qemu-{target.machine}")
    qemu = next(filter(None, map(shutil.which, names)), None)
    if qemu is None:
        pytest.skip(f"programs for {target.arch} need qemu-user, which is not installed")
    real = program.rename(program.with_name("bootstrap.real"))
    cpu = " -cpu neoverse-n1" if target.arch == "arm64" else ""
    program.write_text(f'#!/bin/sh\nexec "{qemu}"{cpu} "{real}" "$@"\n')
    program.chmod(0o755)


def ask(running, **event):
    answer = running.invoke(json.dumps(event).encode())
    return json.loads(answer.data)


def test_success(sample):
    running = sample()
    answer = ask(running, do="echo", value={"ü": [1, 2.5, None]})
    assert answer["echo"] == {"ü": [1, 2.5, None]}
    assert len(answer["id"]) == 36
    facts = ask(running, do="facts")
    assert facts["start"] == ("restored" if sample.kind == "snapshot" else "normal")


def test_handler_error(sample):
    answer = ask(sample(), do="fail", why="boom")
    source = sample.root / "app.py"
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
