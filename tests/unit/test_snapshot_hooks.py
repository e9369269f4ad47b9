"""The registry of `snapshot_restore_py`: ours and AWS's are one."""

from __future__ import annotations

import pytest
import restored

pytestmark = pytest.mark.subprocesses
AWS = "snapshot_restore_py==1.0.0"
ORDER = """
seen = []
import {module} as hooks
@hooks.register_before_snapshot
def first(): seen.append("before 1")
hooks.register_before_snapshot(seen.append, "before 2")
@hooks.register_after_restore
def restored(): seen.append("after 1")
assert hooks.register_after_restore(lambda *a, **k: seen.append([a, k]), 1, two=2)
"""
EXPECTED = ["before 2", "before 1", "after 1", [[1], {"two": 2}]]
RUN = "hooks = __import__('native_bootstrap.runtime.snapshot.hooks', fromlist=['x'])\n"


@pytest.mark.parametrize("module", ["native_bootstrap", "snapshot_restore_py"])
@pytest.mark.parametrize("packages", [(), (AWS,)], ids=["ours", "aws"])
def test_order_and_arguments(tmp_path, module, packages):
    if module == "snapshot_restore_py" and not packages:
        source = "import native_bootstrap.runtime.snapshot.hooks as ours\nours.registry()\n"
    else:
        source = ""
    (result,) = restored.run(
        tmp_path,
        source + ORDER.format(module=module),
        RUN + "hooks.run_after_restore()\nresult = app.seen",
        interpreter=restored.environment(*packages) if packages else None,
    )
    assert result == EXPECTED


def test_one_registry(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import native_bootstrap\n"
        "native_bootstrap.register_after_restore(len, ())\n"
        "import snapshot_restore_py\n"
        "snapshot_restore_py.register_after_restore(len, [])\n"
        "file = snapshot_restore_py.__file__\n",
        "import snapshot_restore_py\n"
        "result = [len(snapshot_restore_py.get_after_restore()), 'site-packages' in app.file]",
        interpreter=restored.environment(AWS),
    )
    assert result == [2, True]


def test_our_names_are_theirs(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import snapshot_restore_py as theirs\n"
        "from native_bootstrap.runtime.snapshot import registry as ours\n"
        "missing = [n for n, v in vars(theirs).items() if callable(v) and n != 'Callable'"
        " and not hasattr(ours, n)]\n"
        "same = sorted(ours.__all__) == sorted(theirs.__all__)\n",
        "result = [app.missing, app.same]",
        interpreter=restored.environment(AWS),
    )
    assert result == [["Any"], True]


def test_an_exception_before_the_snapshot_ends_it(tmp_path):
    (error,) = restored.run(
        tmp_path,
        "import native_bootstrap\n"
        "def fail(): raise ValueError('not now')\n"
        "native_bootstrap.register_before_snapshot(fail)\n",
        "result = 1",
        fails=True,
    )
    assert error.splitlines()[-1] == "ValueError: not now"


def test_an_exception_after_the_restore_is_the_callers(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import native_bootstrap\nran = []\n"
        "def fail(): raise ValueError('no')\n"
        "native_bootstrap.register_after_restore(fail)\n"
        "native_bootstrap.register_after_restore(ran.append, 1)\n",
        RUN + "try:\n    hooks.run_after_restore()\nexcept ValueError as error:\n"
        "    result = [str(error), app.ran]",
    )
    assert result == ["no", []]


def test_a_function_without_hooks_pays_nothing(tmp_path):
    (result,) = restored.run(
        tmp_path, "", RUN + "import sys\nhooks.run_after_restore()\n"
        "result = [n for n in sys.modules if n.endswith(('restore_py', 'snapshot.registry'))]"
    )  # fmt: skip
    assert result == []


REPORT = """
import io, sys
sys.stdout = io.StringIO()   # where the error is logged
from native_bootstrap.runtime import loop
from native_bootstrap.runtime.api import RuntimeApiClient
from native_bootstrap.runtime.snapshot import hooks
sent = []
class Transport:
    def request(self, method, path, headers, body):
        sent.append([path, dict(headers), body.decode()])
        return 202, {}, b""
try:
    client = RuntimeApiClient(transport=Transport())
    app.runtime.resume(client, "app.handler", hooks.run_after_restore)
except SystemExit as end:
    result = [end.code, *sent]
"""


def test_an_exception_after_the_restore_is_an_init_error(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import native_bootstrap\nfrom native_bootstrap.runtime import loop\n"
        "def fail(): raise KeyError('no')\ndef handler(event, context): pass\n"
        "native_bootstrap.register_after_restore(fail)\n"
        "runtime = loop.Runtime(None)\nruntime.load('app.handler')\n",
        REPORT,
    )
    code, (path, headers, body) = result
    assert (code, path) == (1, "/2018-06-01/runtime/init/error")
    assert headers["Lambda-Runtime-Function-Error-Type"] == "Runtime.AfterRestoreError"
    assert '"errorType": "KeyError"' in body
    assert '"errorMessage": "\'no\'"' in body
