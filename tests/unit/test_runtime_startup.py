"""What a plain invocation imports: every module here costs start-up time on every cold start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# Standard modules a hello-world invocation may pull in, beyond what the interpreter starts with.
ALLOWED = {"__future__", "_json", "posix", "time", "marshal", "sys", "hello_function"}

PROGRAM = """
import sys
sys.path[:0] = [{repository!r}, {folder!r}]
before = set(sys.modules)
from native_bootstrap.runtime import loop
from native_bootstrap.runtime.api import RuntimeApiClient

class Transport:
    answers = 0

    def request(self, method, path, headers, body):
        if method == "POST":
            self.body = body
            return 202, {{}}, b""
        self.answers += 1
        if self.answers > 2:
            raise SystemExit(9)
        return 200, {headers!r}, b'{{"name": "you"}}'

transport = Transport()
try:
    loop.run(RuntimeApiClient(transport=transport), "hello_function.handler", None)
except SystemExit as end:
    assert end.code == 9
new = sorted(name for name in set(sys.modules) - before)
sys.stdout.write(repr([transport.body, new, {extra}]))
"""
HEADERS = {
    "content-type": "application/json",
    "lambda-runtime-aws-request-id": "8476a536-e9f4-11e8-9739-2dfe598c3f00",
    "lambda-runtime-deadline-ms": "4102444800000",
    "lambda-runtime-trace-id": "Root=1",
}


def run(tmp_path: Path, source: str, extra: str = "None") -> list:
    """Two invocations in a bare interpreter: the last body, the new modules, and `extra`."""
    (tmp_path / "hello_function.py").write_text(source)
    program = PROGRAM.format(
        repository=str(REPOSITORY), folder=str(tmp_path), headers=HEADERS, extra=extra
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return eval(done.stdout)


@pytest.mark.subprocesses
def test_hello_imports_next_to_nothing(tmp_path):
    body, new, _ = run(tmp_path, "def handler(event, context):\n    return {'to': event['name']}\n")
    assert json.loads(body) == {"to": "you"}
    strangers = {n for n in new if not n.startswith("native_bootstrap")} - ALLOWED
    assert strangers == set()
    ours = {n for n in new if n.startswith("native_bootstrap.runtime.")}
    assert len(ours) <= 12, ours


@pytest.mark.subprocesses
def test_the_trace_id_is_there_whenever_os_is_imported(tmp_path):
    body, _, raw = run(
        tmp_path,
        "def handler(event, context):\n"
        "    import os\n"
        "    return os.environ.get('_X_AMZN_TRACE_ID')\n",
        extra="__import__('posix').environ.get(b'_X_AMZN_TRACE_ID')",
    )
    assert json.loads(body) == "Root=1"
    assert raw == b"Root=1"


@pytest.mark.subprocesses
def test_logging_is_set_up_by_its_own_import(tmp_path):
    body, new, _ = run(
        tmp_path,
        "import logging\n"
        "def handler(event, context):\n"
        "    return [type(h).__name__ for h in logging.getLogger().handlers]\n",
    )
    assert json.loads(body) == ["LambdaLoggerHandler"]
    assert "native_bootstrap.runtime.log_records" in new


ENVIRONMENT = """
import sys
sys.path.insert(0, {repository!r})
from native_bootstrap.runtime import environment as e
assert "os" not in sys.modules
e.put("NB_TEST", "gr\\u00fc\\udcff")
assert e.get("NB_TEST") == "gr\\u00fc\\udcff"
e.remove("NB_GONE")
import os
assert os.environ["NB_TEST"] == "gr\\u00fc\\udcff"
e.put("NB_TEST", "two")
assert os.environ["NB_TEST"] == "two" == e.get("NB_TEST")
e.remove("NB_TEST")
assert "NB_TEST" not in os.environ and e.get("NB_TEST") is None
e.remove("NB_TEST")
print("fine")
"""


@pytest.mark.subprocesses
def test_the_environment_with_and_without_os():
    program = ENVIRONMENT.format(repository=str(REPOSITORY))
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("fine\n", "")
