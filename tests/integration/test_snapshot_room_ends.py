"""How a program in the clean room may end, and that nothing of it is left in any case."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rooms import marker, nothing_left, processes, run_script, said, wait_until

from build_scripts.snapshot import room_process, room_refusal
from native_bootstrap.errors import CleanRoomError, ToolError

HERE = Path(__file__).parent
QUICK = 5.0  # seconds until all has ended


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    with nothing_left(tmp_path / "scratch", monkeypatch):
        yield


def test_status():
    done = run_script("print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (done.status, done.signal, done.timed_out, done.ok) == (7, None, False, False)
    assert (done.stdout, done.stderr.splitlines()[-1]) == (b"out\n", b"err")
    assert 0 < done.seconds < 10


def test_crash(tmp_path):
    """What was said before is kept."""
    text = "os.write(3, b'last words'); os.write(4, b'dump'); os.kill(os.getpid(), 11)"
    done = run_script(text, outputs={3: None, 4: tmp_path / "dump"})
    assert (done.status, done.signal, done.ok) == (0, signal.SIGSEGV, False)
    assert done.pipes == {3: b"last words"}
    assert (tmp_path / "dump").read_bytes() == b"dump"
    assert not list(tmp_path.glob("core*"))


@pytest.mark.parametrize(
    "text",
    [
        "import time; time.sleep(100)",
        "import signal; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; signal.pause()",
        "while True: pass",
        "os.kill(os.getpid(), 19)",  # stopped
    ],
)
def test_no_end(text):
    mark = marker()
    start = time.monotonic()
    done = run_script(
        f"os.write(3, b'last words')\n{text}", outputs={3: None}, timeout=1.0, arguments=[mark]
    )
    assert (done.signal, done.timed_out, done.ok) == (signal.SIGKILL, True, False)
    assert done.pipes == {3: b"last words"}
    assert 0.9 < done.seconds < time.monotonic() - start < 1 + QUICK
    assert processes(mark) == []


def test_output_without_end():
    """It is read on, so that the program is not held up; of stdout the end is kept."""
    text = "for number in range(400_000): print(f'line {number}')\nos.write(3, b'x' * 10)"
    done = run_script(text, outputs={3: None})
    assert done.ok
    assert done.overflowed == {1}
    assert len(done.stdout) == room_process.STREAM_LIMIT
    assert done.stdout.endswith(b"line 399999\n")


def test_report_without_end(monkeypatch):
    """Of a pipe the beginning is kept: its lines have an order."""
    monkeypatch.setattr(room_process, "PIPE_LIMIT", 100_000)
    text = "for number in range(100_000): os.write(3, b'%08d' % number)"
    done = run_script(text, outputs={3: None})
    assert done.overflowed == {3}
    assert done.pipes[3] == b"".join(b"%08d" % number for number in range(100_000))[:100_000]


def test_a_file_without_end(tmp_path):
    text = (
        "try:\n  while True: os.write(4, bytes(1 << 20))\nexcept OSError as error: say(error.errno)"
    )
    done = run_script(text, outputs={4: tmp_path / "dump"}, file_limit=10 << 20)
    assert said(done) == 27  # EFBIG; Python ignores the signal
    assert (tmp_path / "dump").stat().st_size == 10 << 20


def test_children_end_with_the_program():
    """Also those that have left its session, that hold its outputs and that hear no signal."""
    text = """
import signal, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
            time.sleep(100)
        os._exit(0)
time.sleep(0.3)
say(len([name for name in os.listdir("/proc") if name.isdigit()]))
"""
    mark = marker()
    start = time.monotonic()
    # The first, this one, three that have ended and three that have not.
    assert said(run_script(text, arguments=[mark])) == 8
    assert processes(mark) == []
    assert time.monotonic() - start < QUICK


def test_many_processes():
    text = """
try:
    while True:
        if os.fork() == 0:
            import time; time.sleep(100)
except OSError as error: say(error.errno)
"""
    mark = marker()
    done = run_script(text, arguments=[mark], timeout=10.0)
    assert done.timed_out or said(done) == 11
    assert processes(mark) == []


BUILDER = f"""
import sys, time
sys.path.insert(0, {str(HERE)!r})
from rooms import run_script
run_script("import subprocess, time; print(1, flush=True); time.sleep(100)", arguments=sys.argv[1:])
"""


def builder(mark):
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, mark],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_builder_ends(number):
    mark = marker()
    with builder(mark) as process:
        # The builder itself has the mark on its command line, too.
        wait_until(lambda: len(set(processes(mark)) - {process.pid}) >= 1)
        time.sleep(0.2)
        process.send_signal(number)
        process.wait(QUICK)
    wait_until(lambda: processes(mark) == [], QUICK)


def test_the_builder_is_killed_at_any_moment():
    """Also while the room is made: nothing of the room stays behind."""
    for delay in range(0, 160, 20):
        mark = marker()
        with builder(mark) as process:
            wait_until(lambda process=process: children(process.pid))
            time.sleep(delay / 1000)
            rooms = children(process.pid)
            process.kill()
        wait_until(lambda mark=mark: processes(mark) == [], QUICK)
        wait_until(lambda rooms=rooms: not any(Path(f"/proc/{pid}").exists() for pid in rooms))


def children(pid):
    """The processes below ``pid``, at any depth."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(one) for one in found] + [two for one in found for two in children(int(one))]


def test_interrupted_while_it_runs(monkeypatch):
    """The exception of a Ctrl-C leaves no process behind."""
    mark = marker()

    def interrupted(*_):
        wait_until(lambda: processes(mark))
        raise KeyboardInterrupt

    monkeypatch.setattr(room_process, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_script("import time; time.sleep(100)", arguments=[mark])
    assert processes(mark) == []


def test_the_room_itself_is_killed(monkeypatch):
    """Out of memory, say: an error, not an endless wait."""
    mark = marker()
    real = room_process._read

    def killing(pipes, end):
        wait_until(lambda: processes(mark))
        for pid in children(os.getpid()):
            if Path(f"/proc/{pid}/comm").read_text() == "room\n":
                os.kill(pid, signal.SIGKILL)
        return real(pipes, end)

    monkeypatch.setattr(room_process, "_read", killing)
    with pytest.raises(ToolError, match="ended without a word"):
        run_script("import time; time.sleep(100)", arguments=[mark])
    assert processes(mark) == []


NOWHERE = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from rooms import run_script
from native_bootstrap.errors import CleanRoomError
try:
    run_script("")
except CleanRoomError as error:
    print(error.message, error.hint, error.exit_code, sep="\\n")
"""


def test_where_nothing_is_allowed():
    """Root without rights and without user namespaces, as in a container: a clear refusal."""
    setup = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    command = ["unshare", "--map-root-user", "sh", "-c", setup, "sh"]
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    command += ["setpriv", "--bounding-set", "-sys_admin", sys.executable, "-c", NOWHERE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr}")
    *reasons, hint, status = done.stdout.splitlines()
    assert reasons == [
        "the clean room for the snapshot cannot be made here",
        "  with this user's rights: namespaces: Operation not permitted (unshare)",
        "  in a user namespace: user namespace: No space left on device (unshare)",
    ], done.stderr
    assert hint.startswith("run: sysctl -w user.max_user_namespaces=10000, or ")
    assert hint.endswith("build with --snapshot off")
    assert status == "51"


def test_root_of_a_namespace_without_other_users():
    """As in a container without root's rights outside: the second way leads to a room."""
    text = NOWHERE.replace('run_script("")', 'print(run_script("print(os.getuid())").stdout)')
    command = ["unshare", "--map-root-user", sys.executable, "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr}")
    assert done.stdout == "b'993\\n'\n", done.stderr


@pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed")
@pytest.mark.parametrize(
    "given",
    [(), ("--user=1000:1000", "--cap-drop=ALL", "--security-opt=no-new-privileges")],
    ids=["root", "nobody special"],
)
def test_in_a_container(given):
    """What an engine allows by default is not enough, which is said; what is advised is enough."""
    engine = ["podman", *filter(None, os.environ.get("NB_PODMAN_FLAGS", "").split())]
    limits = ("--network=host", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000")
    passed = {"HOME", "PATH", "PYTHONPATH"} & os.environ.keys()
    variables = [f"--env={name}={os.environ[name]}" for name in passed]
    command = [*engine, "run", "--rm", *limits, *variables, *given]
    test = [*command, "--rootfs", "/:O", sys.executable, "-c", "import ctypes"]
    if subprocess.run(test, capture_output=True).returncode:
        pytest.skip("podman cannot start a container of this machine's own root here")
    text = NOWHERE.replace('run_script("")', 'print(run_script("print(os.getpid())").stdout)')
    program = ("--rootfs", "/:O", sys.executable, "-c", text)
    refused = subprocess.run([*command, *program], capture_output=True, text=True)
    assert "the clean room for the snapshot cannot be made here" in refused.stdout, refused.stderr
    hint = refused.stdout.splitlines()[-2]
    assert "unmask=ALL" in hint
    assert "--cap-add" not in hint
    advised = hint.partition("start the container with ")[2].partition(" (docker")[0].split()
    done = subprocess.run([*command, *advised, *program], capture_output=True, text=True)
    assert done.stdout == "b'2\\n'\n", done.stderr


def test_what_to_do(tmp_path):
    settings = tmp_path / "proc/sys"
    (settings / "kernel").mkdir(parents=True)
    assert room_refusal.cures(tmp_path) == ["build as root, or where user namespaces are allowed"]
    (settings / "kernel/apparmor_restrict_unprivileged_userns").write_text("1\n")
    (settings / "kernel/unprivileged_userns_clone").write_text("0\n")
    (tmp_path / ".dockerenv").touch()
    error = room_refusal.refusal([("user", "namespaces", "Operation not permitted")], tmp_path)
    assert isinstance(error, CleanRoomError)
    for words in (
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        "sysctl -w kernel.unprivileged_userns_clone=1",
        "--cap-add SYS_ADMIN --cap-add NET_ADMIN",
        "--snapshot off",
    ):
        assert words in error.hint
    process = tmp_path / "proc/self"
    (process / "attr").mkdir(parents=True)
    (process / "status").write_text("Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n")
    (process / "attr/current").write_text("docker-default (enforce)\n")
    (process / "mountinfo").write_text("1 2 0:3 / /proc/acpi ro - tmpfs tmpfs ro\n")
    assert room_refusal.cures(tmp_path)[-1] == (
        "start the container with --security-opt seccomp=unconfined "
        "--security-opt apparmor=unconfined --security-opt unmask=ALL "
        "(docker says systempaths=unconfined for unmask=ALL)"
    )
