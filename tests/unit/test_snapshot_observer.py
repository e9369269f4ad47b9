"""What the observation reports, in a process that really does it: an ordinary CPython, without the
C-level reads, which `tests/functions/bad-snapshot-*` show with a bootstrap."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from build_scripts.snapshot import events

REPOSITORY = Path(__file__).parents[2]
HARNESS = """
import sys, types
core = types.ModuleType("_nb_snapshot")
core.observe, core.unseen = {observe}, {unseen}
core.streams = lambda: 0
sys.modules["_nb_snapshot"] = core
sys.path[:0] = [{repository!r}]
sys.path.append({task!r})
before = sys.modules.keys() | set()
from native_bootstrap.runtime import handler
from native_bootstrap.runtime.snapshot import initialise
result = initialise.run({plan!r}, handler.resolve, {fd})
del initialise
{after}
"""

pytestmark = pytest.mark.subprocesses


@functools.cache
def python() -> str:
    """An interpreter with audit events for threads (3.12), if there is one."""
    for command in (sys.executable, "python3.13", "python3.12"):
        code = "import sys; sys.exit(sys.version_info < (3, 12))"
        found = shutil.which(command)
        if found and subprocess.run([found, "-c", code], capture_output=True).returncode == 0:
            return found
    return sys.executable


def skip_threads(kind: str = "thread") -> None:
    if kind == "thread" and sys.version_info < (3, 12) and python() == sys.executable:
        pytest.skip("threads are seen from Python 3.12 on")


class Program:
    """Modules in a folder, and one pass over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan = {"handler": "app.handler", "level": "full", "deferred": [], "preload": [],
                     "dump": True, "locate": False}  # fmt: skip
        self.environ: dict[str, str] = {}
        self.observe = "lambda callback: None"
        self.unseen = "list"
        self.after = ""
        self.out = ""

    def write(self, name: str, text: str) -> None:
        path = self.folder / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, app: str = "", *, status: int = 0, timeout: float = 60) -> events.Report:
        self.write("app", app + "\n\ndef handler(event, context):\n    return event\n")
        plan = self.folder.parent / "plan.json"
        plan.write_text(json.dumps(self.plan))
        read_end, write_end = os.pipe()
        program = HARNESS.format(
            repository=str(REPOSITORY), task=str(self.folder), plan=str(plan), fd=write_end,
            after=self.after, observe=self.observe, unseen=self.unseen,
        )  # fmt: skip
        report = self.folder.parent / "report"
        fd = os.open(report, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
        os.dup2(fd, write_end, inheritable=True)
        os.close(fd)
        os.close(read_end)
        environ = {"LAMBDA_TASK_ROOT": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [python(), "-S", "-c", program],
            env={**environ, **self.environ}, pass_fds=(write_end,), cwd=self.folder,
            capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        os.close(write_end)
        assert done.returncode == status, done.stderr
        self.out = done.stdout
        return events.parse(report.read_bytes(), ended=f"exit code {done.returncode}")


@pytest.fixture
def program(tmp_path):
    (tmp_path / "task").mkdir()
    return Program(tmp_path / "task")


def where(program: Program, found: events.Offence) -> str:
    return f"{Path(found.file).relative_to(program.folder)}:{found.line}"


OFFENCES = [
    ("thread", 2, "import threading\nthreading.Thread(target=int).start()"),
    ("thread", 2, "import _thread\n_thread.start_new_thread(int, ())"),
    ("process", 2, "import subprocess\nsubprocess.run(['true'])"),
    ("process", 2, "import os\nos.system('true')"),
    ("process", 2, "import os\nif os.fork() == 0: os._exit(0)\nos.wait()"),
    ("process", 2, "import os\nchild = os.posix_spawn('/bin/true', ['true'], {})"),
    ("descriptor", 2, "import os\nfile = open(__file__)"),
    ("descriptor", 3, "import os\n\npair = os.pipe()"),
    ("descriptor", 3, "import os\nos.close(os.dup(0))\nkept = os.dup(0)\nos.close(os.dup(0))"),
    ("descriptor", 2, "import os\nnumber = os.memfd_create('x')"),
    ("socket", 2, "import socket\nkept = socket.socket()"),
    ("socket", 2, "import socket\npair = socket.socketpair()"),
    ("socket", 3, "import socket\nsocket.socket().close()\nfirst = socket.socket()\n"
                  "second = socket.socket()\nsocket.socket().close()"),
    ("network", 2, "import socket\nsocket.getaddrinfo('localhost', 80)"),
    ("network", 3, "import socket\nwith socket.socket(socket.AF_UNIX) as s:\n"
                   "  try: s.connect('/nowhere')\n  except OSError: pass"),
    ("event-loop", 3, "import asyncio\nloop = asyncio.new_event_loop()\n"
                      "loop.run_until_complete(asyncio.sleep(0))"),
    ("descriptor", 2, "import select\npoll = select.epoll()"),
    ("timer", 2, "import signal\nsignal.alarm(100)"),
    ("timer", 2, "import signal\nsignal.setitimer(signal.ITIMER_VIRTUAL, 100)"),
    ("signal-wakeup", 4, "import signal, socket\na, b = socket.socketpair()\nb.setblocking(False)\n"
                         "signal.set_wakeup_fd(b.fileno())"),
    ("entropy", 1, "value = open('/dev/urandom', 'rb').read(4)"),
    ("filesystem", 1, "with open('/tmp/nb-observer-test', 'w') as f: pass"),
    ("filesystem", 3, "import os\ntry:\n    os.mkdir('/tmp')\nexcept OSError: pass"),
    ("filesystem", 2, "import sqlite3\nsqlite3.connect('/tmp/nb-observer-test').close()"),
    ("machine", 1, "with open('/proc/meminfo') as f: f.read()"),
    ("machine", 2, "import os\nnames = os.listdir('/')"),
    ("machine", 2, "import socket\nsocket.gethostname()"),
    ("state", 2, "import os\nos.putenv('A', 'b')"),
    ("state", 2, "import os\nos.nice(1)"),
    ("state", 2, "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "line", "code"), OFFENCES)
def test_offence(program, kind, line, code):
    skip_threads(kind)
    program.write("culprit", code)
    program.plan["locate"] = True
    report = program.run("import culprit")
    assert report.done
    found = [o for o in report.offences if o.kind == kind]
    assert found, report.offences
    assert found[0].module == "culprit"
    assert where(program, found[0]) == f"culprit.py:{line}"
    assert found[0].chain == ("app", "culprit")


@pytest.mark.parametrize(("kind", "line", "code"), OFFENCES)
def test_offence_without_looking_for_the_line(program, kind, line, code):
    skip_threads(kind)
    program.write("culprit", code)
    report = program.run("import culprit")
    found = [o for o in report.offences if o.kind == kind]
    assert found[0].module == "culprit"
    assert found[0].line in (0, line)


HARMLESS = [
    "import os, time\ntime.sleep(0.001)\nassert os.getcwd()",
    "with open(__file__) as f: f.read()",
    "import os\nfor end in os.pipe(): os.close(end)",
    "import socket\nsocket.socket().close()",
    "import asyncio\nasyncio.run(asyncio.sleep(0))",
    "import sqlite3\nbase = sqlite3.connect(':memory:')",
    "import random\nown = random.Random(3).random()",
    "import signal\nsignal.alarm(9)\nsignal.alarm(0)",
    "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: None)",
    "import logging, decimal, json, urllib.request, concurrent.futures",
    "import os\nos.environ['A'] = 'b'",
    "import os\nos.listdir(os.path.dirname(__file__))",
    "import tempfile, uuid, ssl, hashlib, multiprocessing, threading\nl = threading.Lock()",
    "import os\nopen(os.devnull).close()",
    "import os\nold = os.umask(0o77)\nos.chdir('/tmp')",
]


@pytest.mark.parametrize("code", HARMLESS)
def test_no_offence(program, code):
    report = program.run(code)
    assert report.done
    assert report.offences == ()
    assert report.handler == "imported"


def test_the_innermost_module_is_blamed_and_the_line_is_its_own(program):
    skip_threads()
    program.write(
        "library",
        "import threading\ndef start():\n    t = threading.Thread(target=int)\n    t.start()\n",
    )
    program.write("user", "import library\n\nlibrary.start()\n")
    (found,) = program.run("import user").offences
    assert (found.module, where(program, found)) == ("user", "user.py:3")


def test_a_file_is_its_openers_even_if_another_module_is_imported_next(program):
    program.write("innocent", "")
    (found,) = program.run("kept = open(__file__)\nimport innocent\n").offences
    assert (found.module, found.line) == ("app", 1)


def test_what_a_finaliser_closes_in_time_is_no_offence(program):
    report = program.run("a = [open(__file__)]\na.append(a)\nimport gc\ndel a\ngc.collect()\n")
    assert report.offences == ()


def test_deferred_modules_are_not_begun_and_no_except_helps(program):
    program.write("pkg/__init__", "")
    program.write("pkg.sub", "")
    program.write("a", "try:\n    import pkg.sub\nexcept Exception:\n    pass\n")
    program.write("b", "try:\n    import pkg.sub\nexcept:\n    pass\n")
    program.plan["deferred"] = ["pkg", "app"]
    program.plan["preload"] = ["a", "b", "json"]
    report = program.run("raise SystemError")
    assert report.done
    assert report.handler == "deferred"
    assert {f.module: f.needs for f in report.failed} == {"pkg": "pkg", "a": "pkg", "b": "pkg"}
    assert "json" in report.modules
    assert not {"a", "b", "pkg", "pkg.sub", "app"} & set(report.modules)


@pytest.mark.parametrize(
    ("code", "error", "line"),
    [
        ("x = 1\nraise KeyError('X')", "KeyError: 'X'", 2),
        ("import sys\nsys.exit(3)", "SystemExit: 3", 2),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("def f(:", "SyntaxError: ", 0),
        ("class E(Exception):\n  def __str__(self): raise E\nraise E('x')", "E", 3),
        ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this'", 1),
    ],
)
def test_a_module_that_raises(program, code, error, line):
    program.write("culprit", code)
    report = program.run("import culprit")
    assert report.done
    assert report.handler == "failed"
    assert report.failed[0].module == "culprit"
    assert report.failed[0].error.startswith(error)
    assert report.failed[0].line == line
    assert report.failed[1].module == "app"


def test_os_exit_leaves_what_was_being_executed(program):
    program.write("culprit", "import os\n\nos._exit(4)")
    report = program.run("import culprit", status=4)
    assert not report.done
    assert report.running == ("app", "culprit")
    program.plan["locate"] = True
    (found,) = program.run("import culprit", status=4).offences
    assert (found.kind, where(program, found)) == ("exit", "culprit.py:3")


def test_a_closed_report_is_no_error_of_the_program(program):
    report = program.run("import os\nos.closerange(3, 100)")
    assert not report.done
    assert report.running == ("app",)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("os.environ['NAME']", "read"),
        ("os.environ.get('NAME')", "read"),
        ("os.getenv('NAME', 'x')", "read"),
        ("os.environb.get(b'NAME')", "read"),
        ("'NAME' in os.environ", "read"),
        ("os.environ.pop('NAME', None)", "read"),
        ("__import__('posix').environ.get(b'NAME')", "read"),
        ("dict(os.environ)", "iterate"),
        ("os.environ.copy()", "iterate"),
        ("list(os.environ)", "iterate"),
        ("os.environ.items() and [*os.environ.items()]", "iterate"),
        ("os.environ | {}", "iterate"),
        ("repr(os.environ)", "iterate"),
        ("os.environ == {}", "iterate"),
    ],
)
def test_reads_of_variables(program, code, how):
    program.environ["NAME"] = "value"
    report = program.run(f"import os\n\n{code}")
    found = [use for use in report.variables if use.name in ("NAME", "*")]
    assert {(use.how, use.module, use.line) for use in found} >= {(how, "app", 3)}
    assert found[0].reader == "app"


def test_who_reads_for_whom(program):
    program.write("library", "import os\ndef get(name):\n    return os.environ.get(name)\n")
    use = program.run("import library\nlibrary.get('NAME')\n").variables[-1]
    assert (use.module, use.reader, use.line) == ("app", "library", 2)


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        ("OSError(\"Cannot load library 'gmp'\")", True),
        ("OSError('x/y.so: needs libgmp.so.10, which is not there (its run path: none)')", True),
        ("OSError('libgmp.so: not found, neither in the program nor along LD_LIBRARY_PATH')", True),
        ("OSError('no engine') from ImportError('engine')", True),
        ("OSError(2, 'No such file', 'library.so')", False),
        ("OSError('cannot reach the library of models')", False),
        ("ValueError('library')", False),
    ],
)
def test_a_library_of_the_system_that_is_not_there(program, error, lacks):
    program.write("fast", f"raise {error}\n")
    report = program.run("try:\n    import fast\nexcept Exception:\n    fast = None\n")
    assert [one.lacks for one in report.failed] == [lacks]


def test_loops_that_look_for_some_only(program):
    report = program.run("import urllib.request\nurllib.request.getproxies_environment()\n")
    names = {use.name for use in report.variables if use.module == "app"}
    assert "HTTPS_PROXY" in names
    assert "*" not in names


def test_a_library_that_looks_for_some_only_among_names_and_values(program):
    program.environ.update(OTHER="1")
    for name in ("networkx/__init__", "networkx/utils/__init__"):
        program.write(name, "")
    program.write(
        "networkx/utils/backends",
        "import os\n"
        "def _set_configs_from_environment():\n"
        "    os.environ.get('NETWORKX_CACHE')\n"
        "    return {k: v for k, v in os.environ.items() if k.startswith('NETWORKX_')}\n",
    )
    report = program.run(
        "from networkx.utils import backends\nbackends._set_configs_from_environment()\n"
    )
    uses = {(use.name, use.how) for use in report.variables if use.module == "app"}
    assert uses == {("NETWORKX_BACKEND_PRIORITY*", "pattern"), ("NETWORKX_CACHE", "read")}


@pytest.mark.parametrize(
    ("module", "function", "expected"),
    [
        ("fsspec/config", "set_conf_env(envdict):\n    return dict(envdict)", "FSSPEC*"),
        (
            "tqdm/utils",
            "envwrap(prefix='TQDM_'):\n"
            "    return dict((k, v) for k, v in os.environ.items() if k.startswith(prefix))",
            "TQDM_*",
        ),
    ],
)
def test_a_library_that_takes_whatever_begins_like_its_own(program, module, function, expected):
    program.environ.update(OTHER="1", AWS_REGION="eu-west-1")
    program.write(f"{module.partition('/')[0]}/__init__", "")
    program.write(module, f"import os\ndef {function}\n")
    given = "os.environ" if "envdict" in function else ""
    call = f"{module.replace('/', '.')}.{function.partition('(')[0]}({given})\n"
    report = program.run(f"import os, {module.replace('/', '.')}\n{call}os.environ.get('MINE')\n")
    uses = {(use.name, use.how) for use in report.variables if use.module == "app"}
    assert uses == {(expected, "pattern"), ("MINE", "read")}


def test_what_a_module_has_set_is_read_by_who_takes_all_that_begin_so(program):
    program.write("tqdm/__init__", "")
    loop = "def envwrap(prefix):\n    return dict(os.environ.items())\n"
    program.write("tqdm/utils", f"import os\n{loop}")
    program.write("config", "import os\nos.environ.update(TQDM_ASCII='1', OTHER='1')\n")
    report = program.run("import config, tqdm.utils\ntqdm.utils.envwrap('TQDM_')\n")
    uses = {(u.name, u.how, u.writer) for u in report.variables if u.module == "app"}
    assert uses == {("TQDM_*", "pattern", ""), ("TQDM_ASCII", "read", "config")}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="importlib.metadata of 3.11 differs")
def test_entry_points_of_lambdas_layers_are_not_looked_for(program):
    report = program.run(
        "import sys\nsys.path.append('/opt/python')\n"
        "import importlib.metadata\nfound = importlib.metadata.entry_points(group='none.such')\n"
    )
    assert report.offences == ()


def test_writes_are_reported_and_survive(program):
    program.environ.update(KEPT="1", GONE="1")
    program.after = (
        "import os, posix\nprint(type(os.environ._data) is type(os.environb._data) is dict,\n"
        "      posix.environ is os.environ._data, sorted(os.environ.items()))"
    )
    report = program.run(
        "import os\nos.environ['NEW'] = 'a'\nos.environ['NEW'] = 'b'\ndel os.environ['GONE']\n"
        "os.environ.setdefault('KEPT', '2')\nassert os.environ['NEW'] == 'b'\n"
        "os.environb[b'RAW'] = b'\\xff'\n"
    )
    assert dict(report.written) == {"NEW": "b", "GONE": None, "RAW": "\udcff"}
    own = [use for use in report.variables if use.name == "NEW" and use.how == "read"]
    assert [use.writer for use in own] == ["app"]
    assert program.out.startswith("True True")
    assert "GONE" not in program.out


def test_c_level_reads_arrive_through_the_core(program):
    program.observe = "lambda callback: setattr(core, 'tell', callback)"
    code = "import _nb_snapshot as core\ndef read():\n    core.tell({!r}, {!r})\nread()\n"
    (found,) = program.run(code.format("clock", "CLOCK_REALTIME")).offences
    assert (found.kind, found.module, found.line) == ("clock", "app", 3)
    (use,) = program.run(code.format("environment", "OPENSSL_CONF")).variables
    assert (use.name, use.reader) == ("OPENSSL_CONF", "")
    looked_up = "import ctypes\nctypes.CDLL(None).getenv\n"
    report = program.run(looked_up + code.format("environment", "MY_NAME"))
    use = next(use for use in report.variables if use.name == "MY_NAME")
    assert (use.reader, use.line) == ("app", 5)
    assert program.run(code.format("environment", "TZ")).variables == ()


def test_reads_that_nobody_saw_are_the_running_modules(program):
    program.unseen = "lambda: core.__dict__.setdefault('reads', [])"
    (found,) = program.run(
        "import _nb_snapshot as core\ncore.unseen().append(('entropy', 'getrandom'))\n"
    ).offences
    assert (found.kind, found.module) == ("entropy", "app")


def test_nothing_stays_behind(program):
    program.after = """
import gc, _frozen_importlib
import native_bootstrap.runtime.snapshot as package
build = {"allowed", "audit", "blame", "imports", "initialise", "locate", "names", "narrow",
         "observer", "probes", "settings_fields", "stream", "variables"}
gc.collect()
left = [n for n in sys.modules if n.rpartition(".")[2] in build and "snapshot" in n]
left += build & set(vars(package))
left += [type(o).__name__ for o in gc.get_objects()
         if getattr(type(o), "__module__", "").startswith("native_bootstrap.runtime.snapshot.")
         and type(o).__module__.rpartition(".")[2] in build]
left += [o.__qualname__ for o in gc.get_objects() if type(o) is type(package.__loader__.__init__)
         and (o.__module__ or "").rpartition(".")[2] in build and "snapshot" in o.__module__]
print(left, _frozen_importlib._load_unlocked.__module__, result)
"""
    program.run("import os, json, threading\nos.environ['A'] = 'b'\n")
    assert program.out == "[] _frozen_importlib True\n" or program.out == (
        "[] importlib._bootstrap True\n"
    ), program.out


def test_an_audit_hook_of_the_users_stays(program):
    program.after = "sys.audit('shop.test')\nprint(sys.modules['app'].seen)"
    program.run(
        "import sys\nseen = []\n"
        "sys.addaudithook(lambda name, args: seen.append(name) if 'shop' in name else None)\n"
    )
    assert program.out == "['shop.test']\n"


def test_runtime_level_imports_nothing(program):
    program.plan["level"] = "runtime"
    report = program.run("raise SystemError")
    assert report.done
    assert report.handler == "deferred"
    assert "app" not in report.modules


def test_hooks_before_the_snapshot_run_and_are_watched(program):
    hook = (
        "from native_bootstrap.runtime.snapshot import hooks\nhooks.register_before_snapshot({})\n"
    )
    report = program.run(hook.format("lambda: __import__('os').environ.update(A='hook')"))
    assert report.written["A"] == "hook"
    (found,) = program.run(hook.format("lambda: 1 / 0")).offences
    assert (found.kind, found.module) == ("hook", "")
    assert "ZeroDivisionError" in found.detail
