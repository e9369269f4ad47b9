"""Adapters of libraries that keep a little of their process, with the libraries themselves."""

from __future__ import annotations

import time

import pytest
import restored

pytestmark = pytest.mark.subprocesses


def test_two_digit_years_are_counted_from_the_running_year(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import dateutil.parser._parser as parser\n"
        "parser.DEFAULTPARSER.info._year = 1950; parser.DEFAULTPARSER.info._century = 1900\n",
        "import dateutil.parser\nresult = [dateutil.parser.parse('1/2/30').year]",
        interpreter=restored.environment("python-dateutil==2.9.0.post0"),
    )
    assert result[0] // 100 == time.localtime().tm_year // 100 == 20


def test_dummy_symbols_of_two_processes_differ(tmp_path):
    results = restored.run(
        tmp_path,
        "import sympy\nold = sympy.Dummy()\n",
        "import sympy\nresult = [app.old.dummy_index, sympy.Dummy().dummy_index]",
        interpreter=restored.environment("sympy==1.14.0"),
        running=[restored.RUNNING] * 3,
    )
    old, new = zip(*results, strict=True)
    assert len(set(old)) == 1
    assert len(set(new)) == 3
    assert min(new) > old[0]


LOOP = """
import asyncio
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
closed = asyncio.new_event_loop()
closed.close()
"""


def test_an_event_loop_is_this_process_s(tmp_path):
    results = restored.run(
        tmp_path,
        LOOP + "import os\nopen_ = [os.readlink(f'/proc/self/fd/{n}') for n in range(3, 9)\n"
        "         if os.path.exists(f'/proc/self/fd/{n}')]\n",
        "import asyncio, os, threading\n"
        "async def wait(): return await asyncio.sleep(0, 'slept')\n"
        "same = asyncio.get_event_loop() is app.loop\n"
        "ends = [app.loop._selector.fileno(), app.loop._ssock.fileno(), app.loop._csock.fileno()]\n"
        "inodes = [os.fstat(fd).st_ino for fd in ends[1:]]\n"
        "slept = app.loop.run_until_complete(wait())\n"
        "async def called():\n"
        "    future = app.loop.create_future()\n"
        "    call = lambda: app.loop.call_soon_threadsafe(future.set_result, 'woken')\n"
        "    threading.Timer(0.01, call).start()\n"
        "    return await future\n"
        "woken = app.loop.run_until_complete(called())\n"
        "app.loop.close()\n"
        "result = [app.open_, same, slept, woken, app.closed.is_closed(), inodes]",
        running=[restored.RUNNING] * 2,
    )
    for result in results:
        assert result[:5] == [[], True, "slept", "woken", True]
    assert not set(results[0][5]) & set(results[1][5])


def test_an_event_loop_that_is_used_at_import_is_awake(tmp_path):
    (result,) = restored.run(
        tmp_path,
        LOOP + "async def work(): return await asyncio.to_thread(lambda: 'done')\n"
        "done = loop.run_until_complete(work())\nloop.close()\n",
        "result = [app.done, app.loop.is_closed()]",
    )
    assert result == ["done", True]


def test_loguru_counts_from_the_start_of_this_process(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import datetime, loguru._logger as module\n"
        "from loguru import logger\n"
        "module.start_time -= datetime.timedelta(days=500)\n",
        "found = []\napp.logger.remove()\n"
        "app.logger.add(lambda message: found.append(message.record['elapsed'].days))\n"
        "app.logger.info('x')\nresult = found",
        interpreter=restored.environment("loguru==0.7.3"),
    )
    assert result == [0]


def test_object_ids_of_two_processes_differ(tmp_path):
    results = restored.run(
        tmp_path,
        "from bson import ObjectId\nObjectId._pid = 0x7fffff\n",
        "result = [str(app.ObjectId())[8:18], str(app.ObjectId())[18:]]",
        interpreter=restored.environment("pymongo==4.10.1"),
        running=[restored.RUNNING] * 3,
    )
    machines, counters = zip(*results, strict=True)
    assert len(set(machines)) == len(set(counters)) == 3


def test_uploads_of_two_processes_have_boundaries_of_their_own(tmp_path):
    results = restored.run(
        tmp_path,
        "import langsmith.client, langsmith._internal._background_thread as thread\n"
        "from langsmith._internal import _constants\nBUILT = _constants._BOUNDARY\n",
        "found = {m._BOUNDARY for m in (app._constants, app.langsmith.client, app.thread)}\n"
        "result = [*found, app.BUILT in found]",
        interpreter=restored.environment("langsmith==0.4.4"),
        running=[restored.RUNNING] * 2,
    )
    (first, *rest), (second, *_) = results
    assert rest == [False]
    assert first != second


def test_a_key_of_openais_is_no_part_of_the_image(tmp_path):
    results = restored.run(
        tmp_path,
        "import openai.lib.bedrock as module\nBUILT = module._LEGACY_SIGNATURE_KEY.hex()\n",
        "result = [app.BUILT, app.module._LEGACY_SIGNATURE_KEY.hex()]",
        interpreter=restored.environment("openai==3.54.0"),
        running=[restored.RUNNING] * 2,
    )
    assert len({key for keys in results for key in keys}) == 3


def test_a_sentry_client_has_this_machines_name_and_starts_no_process(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import socket, subprocess\n"
        "real, socket.gethostname = socket.gethostname, lambda: 'of-the-build'\n"
        "def refused(*a, **k): raise SystemError('a process')\n"
        "started, subprocess.Popen.__init__ = subprocess.Popen.__init__, refused\n"
        "import sentry_sdk\n"
        "sentry_sdk.init(dsn='https://abc@127.0.0.1:1/1')\n"
        "first = sentry_sdk.get_client()\n"
        "sentry_sdk.init(dsn='https://abc@127.0.0.1:1/1', server_name='mine')\n"
        "socket.gethostname, subprocess.Popen.__init__ = real, started\n"
        "first.transport._last_client_report_sent = 1.0\n",
        "import sentry_sdk, socket, subprocess, time\n"
        "names = [app.first.options['server_name'] == socket.gethostname(),\n"
        "         sentry_sdk.get_client().options['server_name']]\n"
        "age = time.time() - app.first.transport._last_client_report_sent\n"
        "result = [*names, age < 60, sentry_sdk.utils.get_git_revision.__module__]",
        interpreter=restored.environment("sentry-sdk==2.20.0"),
    )
    assert result == [True, "mine", True, "sentry_sdk.utils"]


def test_an_xray_recorder_sends_to_this_processs_daemon(tmp_path):
    folder = tmp_path / "aws-xray"
    running = {**restored.RUNNING, "AWS_XRAY_DAEMON_ADDRESS": "169.254.1.1:2000"}
    (result,) = restored.run(
        tmp_path,
        "import os, shutil\n"
        "from aws_xray_sdk.core import xray_recorder\n"
        "from aws_xray_sdk.core.emitters.udp_emitter import UDPEmitter\n"
        "mine = UDPEmitter()\nmine._ip = '10.0.0.1'\n"
        "closed = xray_recorder.emitter._socket.fileno() == -1\n"
        f"shutil.rmtree({str(folder)!r})\n",
        "import os\nemitter = app.xray_recorder.emitter\n"
        "result = [app.closed, emitter.ip, emitter.port, app.mine.ip,\n"
        "          emitter._socket.fileno() > 2, emitter._socket.getblocking(),\n"
        f"          os.listdir({str(folder)!r})]",
        before="from native_bootstrap.runtime import watch\n"
        "def elsewhere():\n"
        "    launcher = sys.modules['aws_xray_sdk.core.lambda_launcher']\n"
        f"    launcher.TOUCH_FILE_DIR = {str(folder)!r}\n"
        f"    launcher.TOUCH_FILE_PATH = {str(folder / 'initialized')!r}\n"
        "watch.when_imported('aws_xray_sdk.core.lambda_launcher', elsewhere)\n",
        interpreter=restored.environment("aws-xray-sdk==2.14.0"),
        running=running,
    )
    assert result == [True, "169.254.1.1", 2000, "10.0.0.1", True, False, ["initialized"]]
