"""What happens before, around and after the runtime loop: the C core's start and end."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from lambda_like import NORMALLY

STARTS = pytest.mark.parametrize("start", [{}, NORMALLY], ids=["snapshot", "normally"])


@pytest.fixture
def bootstrap(built, unpacked):
    return unpacked(built("sample", "app.handler")) / "bootstrap"


def run(program, *arguments, limit=None, **environ):
    """Run to the end, the normal way; there is no Runtime API unless ``environ`` names one."""
    before = (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))) if limit else None
    return subprocess.run(
        [program, *arguments],
        env={"LAMBDA_TASK_ROOT": str(program.parent), **NORMALLY, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=before,
    )


def test_a_damaged_archive_is_one_clear_line(bootstrap):
    header = re.compile(rb"NBARCH01(?=.{4}\x28\0\0\0)", re.DOTALL)  # with the size of an entry
    data, count = header.subn(b"NBARCH99", bootstrap.read_bytes())
    assert count == 1
    damaged = bootstrap.with_name("damaged")
    damaged.write_bytes(data)
    shutil.copymode(bootstrap, damaged)
    done = run(damaged, "app.handler")
    assert done.returncode == 1
    message = "native-bootstrap: cannot start: the module archive is damaged: no valid header\n"
    assert (done.stdout, done.stderr) == ("", message)


def test_too_little_address_space_is_one_clear_line(bootstrap):
    done = run(bootstrap, "app.handler", limit=48 << 20)
    assert done.returncode == 1
    assert done.stderr.startswith("native-bootstrap: no room for the heap")
    assert done.stderr.count("\n") == 1


def test_a_limited_address_space_is_enough(bootstrap):
    """256 MB: the heap takes less than it would like; the program gets as far as the network."""
    done = run(bootstrap, "app.handler", limit=256 << 20, AWS_LAMBDA_RUNTIME_API="127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot connect: Connection refused" in done.stderr


def test_python_variables_count_except_pythonhome(bootstrap, tmp_path):
    (tmp_path / "late.py").write_text(
        "import sys, os\nsys.exit('home %r, optimize %d' % "
        "(os.environ.get('PYTHONHOME'), sys.flags.optimize))\n"
    )
    api = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    done = run(
        bootstrap,
        "late.handler",
        PYTHONPATH=f":/nowhere:{tmp_path}",
        PYTHONHOME="/nowhere",
        PYTHONOPTIMIZE="2",
        **api,
    )
    assert (done.returncode, done.stderr) == (1, "home None, optimize 2\n")


@pytest.mark.parametrize(
    ("options", "status"), [("error", 5), ("ignore,error::DeprecationWarning", 5), ("ignore", 6)]
)
def test_warning_options_are_in_force_from_the_start(bootstrap, options, status):
    code = """
import sys, warnings
try:
    warnings.warn("old", DeprecationWarning)
except DeprecationWarning:
    sys.exit(5)
sys.exit(6)
"""
    (bootstrap.parent / "warns.py").write_text(code)
    api = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    done = run(bootstrap, "warns.handler", PYTHONWARNINGS=options, **api)
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize(("body", "status"), [("3", 3), ("None", 0), ("'words'", 1), ("300", 44)])
def test_sys_exit_at_import_ends_as_in_python(bootstrap, body, status):
    (bootstrap.parent / "leaves.py").write_text(f"import sys\nprint('seen')\nsys.exit({body})\n")
    done = run(bootstrap, "leaves.handler", AWS_LAMBDA_RUNTIME_API="127.0.0.1:1")
    assert done.returncode == status
    assert done.stdout == "seen\n"  # flushed at the end


def wait_until_it_sleeps(pid: int) -> None:
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < end
        time.sleep(0.01)


@STARTS
def test_an_interrupt_while_waiting_ends_by_that_signal(bootstrap, start):
    """As in Python: a traceback, then SIGINT's default action, so that a shell sees it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = f"127.0.0.1:{listener.getsockname()[1]}"
        environ = {**start, "AWS_LAMBDA_RUNTIME_API": api}
        command = [bootstrap, "app.handler"]
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(65536).startswith(b"GET /2018-06-01/runtime/invocation/next")
                wait_until_it_sleeps(process.pid)  # a signal just before counts only afterwards
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.rstrip().endswith("KeyboardInterrupt")


@STARTS
def test_sigterm_ends_it(bootstrap, start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        api = f"127.0.0.1:{listener.getsockname()[1]}"
        environ = {**start, "AWS_LAMBDA_RUNTIME_API": api}
        with subprocess.Popen([bootstrap, "app.handler"], env=environ) as process:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                os.kill(process.pid, signal.SIGTERM)
                assert process.wait(30) == -signal.SIGTERM
