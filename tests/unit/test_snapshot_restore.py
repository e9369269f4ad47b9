"""What a restored process has of its own, and what it takes over from the image."""

from __future__ import annotations

import os
import pty
import sys

import pytest
import restored

pytestmark = pytest.mark.subprocesses


def test_the_environment_is_the_running_functions(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import os\nbuild = dict(os.environ)\nkept = os.environ\n",
        "import os, posix\n"
        "result = [dict(os.environ), 'TABLE' in app.build, app.kept is os.environ,"
        " os.environ._data is posix.environ, loaded]",
        running={"TABLE": "orders", "TZ": ":UTC"},
    )
    assert result == [{"TABLE": "orders", "TZ": ":UTC"}, False, True, True, []]


def test_environment_writes_of_imports_are_made_again(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "from native_bootstrap.runtime.snapshot import restore\n"
        "restore.written.update(MODE='fast', GONE=None, NEVER=None)\n",
        "import os, subprocess\n"
        "child = subprocess.run(['/usr/bin/env'], capture_output=True, text=True).stdout.split()\n"
        "result = [os.environ.get('MODE'), 'GONE' in os.environ, 'MODE=fast' in child,"
        " any(line.startswith('GONE') for line in child)]",
        running={"MODE": "slow", "GONE": "here"},
    )
    assert result == ["fast", False, True, False]


def test_arguments_and_program(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import sys\nfrom sys import argv\nat_import = list(sys.argv)\nsys.executable = '/room'\n",
        "import sys\n"
        "result = [app.at_import, sys.argv, sys.orig_argv[1:], app.argv is sys.argv,"
        " sys.executable]",
        arguments=("other.handler",),
    )
    at_import, argv, original, same, executable = result
    assert at_import == ["-c"]
    assert (argv, original, same) == (["-c", "other.handler"], ["other.handler"], True)
    assert os.path.realpath(restored.python()) == os.path.realpath(executable)


def test_arguments_that_a_module_has_replaced_stay(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import sys\nsys.argv = ['tool', '--fast']\n",
        "import sys; result = sys.argv",
        arguments=("other.handler",),
    )
    assert result == ["tool", "--fast"]


def test_the_time_zone_is_read_again(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import time\nat_import = time.tzname\n",
        "import time; result = [app.at_import[0], time.tzname, time.timezone,"
        " time.strftime('%H', time.localtime(0))]",
        running={"TZ": "XYZ-3"},
    )
    assert result == ["UTC", ["XYZ", "XYZ"], -10800, "03"]


# A process that has not inherited the mask, as the one that begins from an image. (Dispositions are
# the C core's: tests/functions/restored.)
BLOCKED = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, ()))
"""


def test_blocked_signals_are_blocked_again(tmp_path):
    (result,) = restored.run(
        tmp_path,
        BLOCKED,
        "import signal\n"
        "result = [signal.Signals(n).name for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())]",
    )
    assert result == ["SIGWINCH"]


def test_what_the_builders_shell_ignores_is_not_ignored(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import signal\n",
        "import signal; result = signal.getsignal(signal.SIGHUP) == signal.SIG_DFL",
        before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)",
    )
    assert result is True


def test_folder_and_mask_that_an_import_has_chosen(tmp_path):
    (tmp_path / "sub").mkdir()
    (result,) = restored.run(
        tmp_path,
        "import os\nos.chdir('sub')\nos.umask(0o27)\n"
        "os.register_at_fork(after_in_child=lambda: (os.chdir('/'), os.umask(0)))\n",
        "import os; result = [os.getcwd(), os.umask(0)]",
    )
    assert result == [str(tmp_path / "sub"), 0o27]


def test_folder_and_mask_are_the_running_processs_otherwise(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import os\nos.register_at_fork(after_in_child=lambda: (os.chdir('/'), os.umask(1)))\n",
        "import os; result = [os.getcwd(), os.umask(0)]",
    )
    assert result == ["/", 1]


def test_text_that_an_import_has_written_comes_out_once(tmp_path):
    done = restored.run(
        tmp_path,
        "import sys\nsys.stdout.write('\"at import\"\\n')\n",
        "result = 'child'",
        running=[{}, {}],
    )
    assert done == ["at import", "child", "child"]


STREAMS = """
import os, sys
sys.stdout.seekable(), sys.stdin.seekable()   # kept by the file objects
held = sys.stdout
def other():
    global kept
    kept = os.dup(1)
    os.dup2(os.open('out.txt', os.O_RDWR | os.O_CREAT), 1)
    os.dup2(os.open('in.txt', os.O_RDONLY), 0)
os.register_at_fork(after_in_child=other)
"""


def test_streams_look_at_their_descriptors_anew(tmp_path):
    (tmp_path / "in.txt").write_text("one\ntwo\n")
    (result,) = restored.run(
        tmp_path,
        STREAMS,
        "import os, sys\n"
        "sys.stdin.readline(); at = sys.stdin.tell(); sys.stdin.seek(0)\n"
        "print('to the file', end=''); sys.stdout.flush()\n"
        "result = [at, sys.stdin.read(), sys.stdout.tell(), sys.stdout is app.held,"
        " sys.stdout.name, sys.stdout.encoding]\n"
        "os.dup2(app.kept, 1)",
    )
    assert result == [4, "one\ntwo\n", 11, True, "<stdout>", "utf-8"]
    assert (tmp_path / "out.txt").read_text() == "to the file"


def test_a_terminal_is_written_line_by_line(tmp_path):
    main, terminal = pty.openpty()
    (result,) = restored.run(
        tmp_path,
        f"import os\nos.register_at_fork(after_in_child=lambda: os.dup2({terminal}, 1))\n"
        "import sys\nkept = os.dup(1)\nbefore = sys.stdout.line_buffering\n",
        "import os, sys\nresult = [app.before, sys.stdout.line_buffering]\nos.dup2(app.kept, 1)",
        pass_fds=(terminal,),
    )
    os.close(main)
    os.close(terminal)
    assert result == [False, True]


def test_layers_are_looked_for_again(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import sys, os\nsys.path.append('layer')\n"
        "try:\n    import from_layer\nexcept ImportError:\n    absent = True\n",
        "import os\nos.mkdir('layer')\nopen('layer/from_layer.py', 'w').close()\n"
        "import from_layer\nresult = app.absent",
    )
    assert result is True


def test_the_main_thread_is_the_restored_one(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import threading\nmain = threading.current_thread()\nnative = main.native_id\n",
        "import threading, os\n"
        "result = [threading.main_thread() is app.main is threading.current_thread(),"
        " app.main.native_id == os.getpid() != app.native,"
        " app.main.ident == threading.get_ident()]",
    )
    assert result == [True, True, True]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_hello_thaws_quickly_and_imports_nothing(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "def handler(event, context): return event\n",
        "import time\nfrom native_bootstrap.runtime.snapshot import restore\n"
        "def once():\n"
        "    start = time.perf_counter_ns()\n    restore.thaw([])\n"
        "    return time.perf_counter_ns() - start\n"
        "result = [loaded, min(once() for _ in range(50))]",
    )
    assert result[0] == []
    assert result[1] < 1_000_000  # nanoseconds; 20,000 here, but machines are shared
