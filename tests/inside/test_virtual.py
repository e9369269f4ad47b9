"""Virtual mode (core/nb_virtual.h) under a whole interpreter, switched on through ctypes.

It is never on in this Python, so each test starts another one for it. The names below are found in
the program's own symbol table, like libc's.
"""

import json
import os
import subprocess
import sys
import threading
import time
import unittest

BEGIN = """
import ctypes, json, os, sys
core = ctypes.CDLL(None)
core.nb_virtual_begin.argtypes = [ctypes.c_char_p]
core.nb_virtual_observe.argtypes = [ctypes.c_void_p]
told = []
@ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p)
def hear(kind, detail):
    told.append(f"{kind.decode()} {detail.decode()}")
def begin(seed=b"seed"):
    told.clear()
    core.nb_virtual_begin(seed.ljust(32))
    core.nb_virtual_observe(ctypes.cast(hear, ctypes.c_void_p))
def say(**values):
    core.nb_virtual_end()
    print(json.dumps(values))
"""


def run(code, *arguments):
    """What ``code`` says, run in another interpreter."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", BEGIN + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Real(unittest.TestCase):
    """While it is off, all is as in any process."""

    def test_clocks_agree(self):
        for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
            read = getattr(time, name)
            values = [read() for _ in range(1000)]
            self.assertEqual(values, sorted(values), name)
        self.assertGreater(time.time(), 1_749_643_200)
        with open("/proc/uptime") as file:
            uptime = float(file.read().split()[0])
        self.assertAlmostEqual(time.clock_gettime(time.CLOCK_BOOTTIME), uptime, delta=5)
        self.assertLess(abs(time.time() - os.stat("/proc/self/fd").st_ctime), 3600)

    def test_process_and_machine(self):
        self.assertEqual(os.getpid(), int(os.readlink("/proc/self")))
        self.assertEqual(threading.get_native_id(), os.getpid())
        with open("/proc/sys/kernel/osrelease") as file:
            self.assertEqual(os.uname().release, file.read().strip())
        self.assertEqual(os.process_cpu_count(), len(os.sched_getaffinity(0)))
        with open("/proc/loadavg") as file:
            self.assertAlmostEqual(os.getloadavg()[2], float(file.read().split()[2]), delta=1)

    def test_draws_differ(self):
        code = "say(drawn=os.urandom(16).hex())"
        self.assertNotEqual(run(code), run(code))


class Virtual(unittest.TestCase):
    def test_facts(self):
        said = run(
            "import threading, time, socket\n"
            "begin()\n"
            "say(time=time.time(), monotonic=time.monotonic(), cpu=time.process_time(),\n"
            "    pid=os.getpid(), thread=threading.get_native_id(), cpus=os.cpu_count(),\n"
            "    usable=os.process_cpu_count(), system=list(os.uname()), load=os.getloadavg(),\n"
            "    host=socket.gethostname(), pages=os.sysconf('SC_PHYS_PAGES'), told=told)\n"
        )
        self.assertEqual(int(said["time"]), 1_749_643_200)
        self.assertTrue(1 < said["monotonic"] < 1.001 and said["cpu"] < 0.001)
        self.assertEqual((said["pid"], said["thread"]), (0x7FFFFF, 0x7FFFFF))
        self.assertEqual((said["cpus"], said["usable"]), (2, 2))
        self.assertEqual(said["system"][:4], ["Linux", "localhost", "5.10.0", "#1 SMP"])
        self.assertEqual((said["host"], said["load"]), ("localhost", [0, 0, 0]))
        self.assertEqual(said["pages"] * os.sysconf("SC_PAGESIZE"), 1 << 30)
        clocks = ["CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_PROCESS_CPUTIME_ID"]
        expected = [f"clock {clock}" for clock in clocks]
        expected += ["pid getpid", "pid gettid", "machine cpu count", "machine cpu count"]
        expected += ["machine uname", "machine load", "machine uname", "machine memory"]
        self.assertEqual(said["told"], expected)

    def test_the_same_in_every_process(self):
        code = (
            "import random, uuid, tempfile, time\n"
            "begin(sys.argv[1].encode())\n"
            "random.seed()\n"
            "say(all=[os.urandom(8).hex(), str(uuid.uuid4()), random.random(), time.time(),\n"
            "         next(tempfile._get_candidate_names())], told=sorted(set(told)))\n"
        )
        first, again, other = run(code, "one"), run(code, "one"), run(code, "two")
        self.assertEqual(first, again)
        for mine, theirs in zip(first["all"][:3], other["all"][:3], strict=True):
            self.assertNotEqual(mine, theirs)
        self.assertIn("entropy getrandom", first["told"])

    def test_waiting_ends(self):
        """Loops around a limit, each on another system call."""
        said = run(
            "import asyncio, queue, select, threading, time\n"
            "begin()\n"
            "start, passed = time.monotonic(), []\n"
            "def lap():\n"
            "    passed.append(round(time.monotonic() - start, 2))\n"
            "time.sleep(0.05); lap()\n"
            "try: queue.Queue().get(timeout=0.05)\n"
            "except queue.Empty: lap()\n"
            "condition = threading.Condition()\n"
            "with condition: condition.wait_for(lambda: False, 0.05)\n"
            "lap()\n"
            "select.select([], [], [], 0.05); lap()\n"
            "asyncio.run(asyncio.sleep(0.05)); lap()\n"
            "say(passed=passed)\n"
        )
        for number, passed in enumerate(said["passed"], 1):
            self.assertAlmostEqual(passed, 0.05 * number, delta=0.02)

    def test_children_and_signals(self):
        said = run(
            "import signal, subprocess\n"
            "begin()\n"
            "caught = []\n"
            "signal.signal(signal.SIGUSR1, lambda *_: caught.append(1))\n"
            "signal.raise_signal(signal.SIGUSR1)\n"
            "signal.pthread_kill(__import__('threading').get_ident(), signal.SIGUSR1)\n"
            "child = os.fork()\n"
            "if child == 0: os._exit(7 if os.getpid() == 0x7fffff else 1)\n"
            "code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
            "echo = subprocess.run(['echo', 'hello'], stdout=subprocess.PIPE).stdout.decode()\n"
            "say(caught=len(caught), code=code, echo=echo)\n"
        )
        self.assertEqual(said, {"caught": 2, "code": 7, "echo": "hello\n"})

    def test_environment_is_told(self):
        said = run(
            "core.getenv.restype = ctypes.c_char_p\n"
            "os.putenv('NB_THERE', 'x')\n"
            "begin()\n"
            "values = [core.getenv(b'NB_THERE').decode(), core.getenv(b'NB_ABSENT')]\n"
            "say(values=values, told=told)\n"
        )
        self.assertEqual(said["values"], ["x", None])
        self.assertEqual(said["told"], ["environment NB_THERE", "environment NB_ABSENT"])

    def test_libraries(self):
        """A TLS context is no draw; what a user draws of OpenSSL and sqlite is."""
        said = run(
            "import ssl, sqlite3\n"
            "ssl.RAND_bytes(1)\n"
            "begin()\n"
            "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
            "database = sqlite3.connect(':memory:')\n"
            "database.execute('create table t (x)')\n"
            "database.execute('insert into t values (1)')\n"
            "database.commit()\n"
            "quiet = [one for one in told if one.split()[0] in ('entropy', 'pid', 'clock')]\n"
            "told.clear()\n"
            "ssl.RAND_bytes(8), database.execute('select random()').fetchone()\n"
            "drawn = [one for one in told if one.startswith('entropy')]\n"
            "core.nb_virtual_end()\n"
            "core.nb_virtual_rekey()\n"
            "say(quiet=quiet, drawn=drawn)\n"
        )
        self.assertEqual(said["quiet"], [])
        self.assertEqual(said["drawn"], ["entropy RAND_bytes", "entropy sqlite3_randomness"])


if __name__ == "__main__":
    unittest.main()
