import calendar
import datetime
import getpass
import locale
import logging
import os
import platform
import random
import resource
import secrets
import shutil
import socket
import tempfile
import time
import uuid

from checks import names_of

_log = logging.getLogger("checks")
_lines = []


class _Lines(logging.Handler):
    def emit(self, record):
        _lines.append(self.format(record))


_handler = _Lines()
_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(threadName)s %(message)s"))
_log.addHandler(_handler)
_log.setLevel("INFO")
_seeded = random.Random(7)


def clocks():
    wall, steady = time.time(), time.monotonic()
    time.sleep(0.02)
    return [
        1_700_000_000 < wall < 4_000_000_000,
        0.015 < time.time() - wall < 5,
        0.015 < time.monotonic() - steady < 5,
        time.perf_counter_ns() > 0,
        0 <= time.process_time() < 30,
        0 <= time.thread_time() < 30,
    ]


def clocks_are_the_systems():
    """Not those of the build: they agree with what the kernel writes."""
    with tempfile.NamedTemporaryFile() as file:
        written = os.stat(file.name).st_mtime
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    with open("/proc/uptime") as file:
        up = float(file.read().split()[0])
    return [abs(time.time() - written) < 5, abs(now - written) < 5,
            abs(time.clock_gettime(time.CLOCK_BOOTTIME) - up) < 5]


def local_time():
    return [
        time.tzname,
        time.timezone,
        time.daylight,
        list(time.localtime(1_770_000_000))[:6],
        list(time.localtime(1_780_000_000))[:6],
        datetime.datetime.fromtimestamp(1_780_000_000).astimezone().isoformat(),
        time.mktime((2026, 7, 1, 12, 0, 0, 0, 0, -1)),
        time.strftime("%Z %z", time.localtime(1_780_000_000)),
    ]


def local_time_changed():
    os.environ["TZ"] = "NZST-12NZDT,M9.5.0,M4.1.0/3"
    time.tzset()
    return [time.tzname, list(time.localtime(1_770_000_000))[:6], calendar.timegm((2026, 1, 1, 0, 0, 0))]


def environment():
    names = ("CHECK_GIVEN", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_FUNCTION_NAME", "PATH")
    found = {name: os.environ.get(name) for name in names}
    found["bytes"] = os.environb.get(b"CHECK_GIVEN", b"").decode()
    found["api"] = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")[0]
    found["home"] = os.environ.get("HOME")
    found["count"] = len([name for name in os.environ if name.startswith("CHECK_")])
    return found


def environment_changed():
    os.environ["CHECK_NEW"] = "1"
    os.environ.pop("CHECK_GIVEN", None)
    os.putenv("CHECK_PUT", "2")
    with os.popen("echo $CHECK_NEW-$CHECK_GIVEN-$CHECK_PUT") as pipe:
        return pipe.read()


def many_variables():
    for number in range(1000):
        os.environ[f"CHECK_MANY_{number}"] = "x" * 100
    for number in range(1000):
        del os.environ[f"CHECK_MANY_{number}"]
    return len([name for name in os.environ if name.startswith("CHECK_MANY")])


def machine():
    with open("/proc/sys/kernel/hostname") as file:
        name = file.read().strip()
    return [socket.gethostname() == name == platform.node() == os.uname().nodename,
            os.cpu_count() == os.sysconf("SC_NPROCESSORS_ONLN"), len(os.sched_getaffinity(0)) > 0,
            os.sysconf("SC_PAGE_SIZE"), os.uname().sysname]


def identity():
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    return [os.getpid() == int(status["Pid"]), os.getppid() == int(status["PPid"]),
            os.getuid() == int(status["Uid"].split()[0]), os.getgid() == int(status["Gid"].split()[0])]


def user():
    try:
        return [getpass.getuser(), os.path.expanduser("~")]
    except OSError as error:
        return str(error)


def folder():
    return [os.getcwd(), oct(os.umask(0o22)), os.path.exists("bootstrap")]


def limits():
    return [resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_STACK)[1]]


def priority():
    return os.nice(0)


def chance():
    values = [random.random(), secrets.token_hex(8), str(uuid.uuid4()), os.urandom(8).hex()]
    return len(set(map(str, values)))


def chance_with_a_seed():
    random.seed(5)
    return [random.random(), _seeded.random(), random.Random(3).sample(range(100), 3)]


def identifiers():
    first, second = uuid.uuid1(), uuid.uuid1()
    return [first != second, first.version, uuid.uuid4().version, uuid.getnode() == uuid.getnode(),
            abs((first.time - 0x01B21DD213814000) / 1e7 - time.time()) < 60]


def temporary():
    names = {tempfile.mktemp() for _ in range(20)}
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    return [len(names), tempfile.gettempdir()]


def logs():
    _lines.clear()
    _log.info("line %s", 1)
    _log.debug("not this")
    record = _log.makeRecord("checks", 20, "f", 1, "m", (), None)
    return [_lines, record.process == os.getpid(), abs(record.created - time.time()) < 5]


def disk():
    return shutil.disk_usage("/tmp").total > 0


def locales():
    return [locale.getlocale(), os.environ.get("LANG")]


NAMES = names_of(globals())
