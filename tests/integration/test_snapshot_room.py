"""The clean room: what a program finds in it, and that it is the same each time and everywhere."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import stat
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rooms import SCRIPT, WAYS, nothing_left, run_script, said, script_room

from build_scripts import cache, pack, targets
from build_scripts.log import Log, quiet
from build_scripts.modules import DataFile
from build_scripts.snapshot import room, room_process
from build_scripts.toolchain import WRAPPED, Toolchain
from native_bootstrap.errors import ToolError


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    with nothing_left(tmp_path / "scratch", monkeypatch):
        yield


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Each way to the rights that a room takes."""
    monkeypatch.setattr(room, "ways", lambda: (request.param,))
    return request.param


FACTS = """
import signal, socket, resource
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
say({
    "pid": os.getpid(), "parent": os.getppid(), "session": os.getsid(0),
    "user": [*os.getresuid(), *os.getresgid()],
    "environ": dict(os.environ), "arguments": sys.orig_argv,
    "program": os.readlink("/proc/self/exe"),
    "folder": os.getcwd(), "umask": os.umask(0), "host": socket.gethostname(),
    "personality": int(open("/proc/self/personality").read(), 16),
    "privileges": [status[name].strip() for name in ("CapPrm", "CapEff", "CapInh", "NoNewPrivs")],
    "blocked": int(status["SigBlk"], 16),
    "limits": [resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]
               for name in ("CORE", "NOFILE", "STACK", "FSIZE")],
})
"""


def test_who_the_program_is(way, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_BUILDER", "1")
    facts = said(run_script(FACTS, environ={"A": "ä", "EMPTY": ""}))
    assert facts == {
        "pid": 2,
        "parent": 1,
        "session": 2,
        "user": [993] * 3 + [990] * 3,
        "environ": {"A": "ä", "EMPTY": ""},
        "arguments": ["/var/task/bootstrap", "-I", "-S", SCRIPT],
        "program": "/var/task/bootstrap",
        "folder": "/var/task",
        "umask": 0o22,
        "host": "localhost",
        "personality": 0x40000,
        "privileges": ["0" * 16, "0" * 16, "0" * 16, "1"],
        "blocked": 0,
        "limits": [0, 1024, 8 << 20, room.FILE_LIMIT],
    }


def test_user_by_name(way):
    facts = said(run_script("import pwd, grp; say([pwd.getpwuid(993), grp.getgrgid(990).gr_name])"))
    name = "sbx_user1051"
    assert facts == [[name, "x", 993, 990, "", f"/home/{name}", "/sbin/nologin"], name]


FILES = """
found = {}
for base, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(base, f) not in ("/proc", "/var/task/lib")]
    for name in files:
        found[os.path.join(base, name)] = oct(os.stat(os.path.join(base, name)).st_mode)[-3:]
say([sorted(os.listdir("/")), found, [f for f in os.listdir("/proc") if f.isdigit()]])
"""


def test_what_is_there(way):
    top, files, processes = said(run_script(FILES, files={"/nb/plan.json": b"{}"}))
    assert top == ["dev", "etc", "nb", "opt", "proc", "tmp", "var"]
    etc = ("group", "hosts", "nsswitch.conf", "passwd", "resolv.conf")
    devices = ("full", "null", "random", "urandom", "zero")
    streams = {"/dev/stdin": "666", "/dev/stdout": "600", "/dev/stderr": "600"}
    assert files == {
        "/var/task/bootstrap": "755",
        SCRIPT: "644",
        "/nb/plan.json": "644",
        **{f"/etc/{name}": "644" for name in etc},
        **{f"/dev/{name}": "666" for name in devices},
        **streams,
    }
    assert processes == ["1", "2"]


def test_nothing_tells_of_the_builder(way, tmp_path):
    """Mounts, the process that made the room, control groups, descriptors: what /proc shows."""
    text = """
def read(name):
    try: return open(name).read()
    except OSError as error: return error.strerror
names = ("mountinfo", "mounts", "cgroup", "maps", "environ", "cmdline", "stat")
say([read(f"/proc/{pid}/{name}") for pid in (1, 2) for name in names]
    + [os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2, 3, 4)] + [repr(os.uname())])
"""
    outputs = {3: None, 4: tmp_path / "dump"}
    large = tmp_path / "small.bin"
    large.write_bytes(bytes(1000))
    data = [DataFile(path="data.bin", file=large)]
    facts = "\n".join(said(run_script(text, outputs=outputs, data=data)))
    places = (tmp_path, cache.root(), Path.home(), Path(__file__).parents[2], Path(sys.prefix))
    for place in places:
        assert f"{place}/" not in facts
    for word in (socket.gethostname(), "room_child"):
        assert word not in facts.replace("localhost", "")


def test_what_can_be_written(way):
    text = """
def attempt(path):
    try:
        with open(path, "w") as file: return file.write("x")
    except OSError as error: return error.errno
empty = [os.listdir("/tmp"), oct(os.stat("/tmp").st_mode), os.listdir("/dev/shm")]
say([empty, [attempt(p) for p in ("/tmp/x", "/dev/shm/x", "/dev/null")],
     [attempt(p) for p in ("/x", "/var/task/x", "/var/task/bootstrap", "/etc/passwd", "/opt/x")]])
"""
    empty, written, refused = said(run_script(text))
    assert empty == [[], "0o41777", []]
    assert written == [1, 1, 1]
    assert set(refused) <= {errno.EROFS, errno.EACCES, errno.ETXTBSY}


def test_devices(way):
    text = """
def read(name):
    with open(name, "rb", 0) as file: return file.read(8)
say([list(read("/dev/zero")), len(set(read("/dev/urandom"))) > 1, len(read("/dev/random")),
     list(read("/dev/null"))])
"""
    assert said(run_script(text)) == [[0] * 8, True, 8, []]


def test_no_way_out(way):
    text = """
import socket
def attempt(do, *arguments):
    try: return do(*arguments)
    except OSError as error: return error.errno
say([attempt(os.setuid, 0), attempt(os.chroot, "/tmp"), attempt(os.setgroups, [0]),
     attempt(os.listdir, "/proc/1/root"), attempt(os.readlink, "/proc/1/fd/0"),
     attempt(os.kill, 1, 9)])
"""
    *refused, killed = said(run_script(text))
    no_root = errno.EPERM if way == "root" else errno.EINVAL  # no such user in its namespace
    assert refused == [no_root, *[errno.EPERM] * 2, *[errno.EACCES] * 2]
    assert killed in (None, errno.EPERM)  # the first process hears no signal from inside


NETWORK = """
import socket, time, fcntl, struct
start = time.monotonic()
def attempt(do, *arguments):
    try: return do(*arguments)
    except OSError as error: return error.errno
flags = fcntl.ioctl(socket.socket(), 0x8913, struct.pack("16sH14x", b"lo", 0))
say([attempt(socket.socket().connect, ("192.0.2.1", 80)),
     attempt(socket.socket().connect, ("127.0.0.1", int(sys.argv[1]))),
     attempt(socket.socket(socket.AF_UNIX).connect, "\\0" + sys.argv[2]),
     attempt(socket.getaddrinfo, "example.org", 80) in (socket.EAI_AGAIN, socket.EAI_NONAME),
     [name for _, name in socket.if_nameindex()], flags[16] & 1, time.monotonic() - start < 2])
"""


@pytest.mark.parametrize("loopback", [False, True])
def test_no_network(way, loopback):
    """Neither another machine nor a service of this one, whether it listens on TCP or not."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0nb-test-room")
        local.listen()
        arguments = [str(server.getsockname()[1]), "nb-test-room"]
        facts = said(run_script(NETWORK, arguments=arguments, loopback=loopback))
    nobody = errno.ECONNREFUSED if loopback else errno.ENETUNREACH
    unreachable = [errno.ENETUNREACH, nobody, errno.ECONNREFUSED]
    assert facts == [*unreachable, True, ["lo"], int(loopback), True]


DESCRIPTORS = """
import stat
names = [n for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")]
say({n: stat.S_IFMT(os.fstat(int(n)).st_mode) for n in names})
for number in map(int, sys.argv[1:]):
    os.write(number, b"to %d" % number)
"""


@pytest.mark.parametrize("numbers", [[], [3, 4], [9, 5, 20]])
def test_descriptors(way, tmp_path, numbers):
    """0, 1, 2 and what was asked for, although the builder has others that are inherited."""
    outputs = {number: tmp_path / "file" if number % 2 == 0 else None for number in numbers}
    with (tmp_path / "other").open("w") as other:
        os.set_inheritable(other.fileno(), True)
        done = run_script(DESCRIPTORS, outputs=outputs, arguments=map(str, numbers))
    pipe = stat.S_IFIFO
    wanted = {"0": stat.S_IFCHR, "1": pipe, "2": pipe}
    wanted |= {str(n): pipe if outputs[n] is None else stat.S_IFREG for n in numbers}
    assert said(done) == wanted
    assert done.pipes == {n: f"to {n}".encode() for n in numbers if outputs[n] is None}
    for number, path in outputs.items():
        if path is not None:
            assert path.read_bytes() == f"to {number}".encode()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_data_files(way, tmp_path):
    plain, tool, link = tmp_path / "a.txt", tmp_path / "tool", tmp_path / "link"
    plain.write_bytes(b"plain")
    plain.chmod(0o600)
    tool.write_bytes(b"#!")
    tool.chmod(0o700)
    link.symlink_to("a.txt")
    data = [
        DataFile(path="one/two/a b.txt", file=plain),
        DataFile(path="bin/tool", file=tool),
        DataFile(path="again", file=tool),
        DataFile(path="again", file=link),
        DataFile(path="bootstrap", file=plain),
    ]
    text = """
say([[open(n).read(), oct(os.stat(n).st_mode), os.stat(n).st_mtime] for n in
     ("one/two/a b.txt", "bin/tool", "again")] + [[os.stat(n).st_mtime for n in
     ("/", "/var/task", "one", "one/two", "/nb", "/nb/script.py", "bootstrap", "/etc")]])
"""
    mode, executable = "0o100644", "0o100755"
    assert said(run_script(text, data=data)) == [
        ["plain", mode, 315532800],
        ["#!", executable, 315532800],
        ["plain", mode, 315532800],
        [315532800] * 8,
    ]


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_large_data_files(way, tmp_path, mode):
    """They are not copied where everybody may read them; and cannot be changed."""
    large = tmp_path / "large"
    large.write_bytes(b"x" * room.BIND_FROM)
    large.chmod(mode)
    text = """
status = os.statvfs("models/large")
try: os.utime("models/large")
except OSError as error: refused = error.errno
size = os.stat("models/large").st_size
say([size, open("models/large").read(1), bool(status.f_flag & 1), refused])
"""
    data = [DataFile(path="models/large", file=large)]
    size, first, is_read_only, refused = said(run_script(text, data=data))
    assert (size, first, is_read_only) == (room.BIND_FROM, "x", True)
    assert refused in (errno.EROFS, errno.EPERM, errno.EACCES)


SAME = """
import threading
with open("/proc/self/maps") as file: maps = [line.split()[:2] for line in file]
say([maps, threading.get_native_id(), os.listdir("/dev"), os.listdir("/"),
     os.listdir("/var/task/lib/python3.13"), os.stat("/var/task/lib").st_ino])
"""


def test_the_same_each_time():
    """Addresses, order of folders …: what the program sees is equal in every run and every way."""
    seen = []
    for chosen in (*WAYS, *WAYS):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(room, "ways", lambda chosen=chosen: (chosen,))
            seen.append(said(run_script(SAME)))
    assert all(one == seen[0] for one in seen)


STACK = """
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
int main(int argc, char **argv) {
    int ignored = 0;
    for (int number = 1; number < 65; ++number) {
        struct sigaction action;
        if (!sigaction(number, NULL, &action)) ignored += action.sa_handler != SIG_DFL;
    }
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("%p %p %p ", (void *)&ignored, (void *)argv[0], mapped);
    printf("%s %d %d\\n", argv[0], argc, ignored);
    return 0;
}
"""


@pytest.mark.parametrize("arch", list(targets.TARGETS))
def test_addresses_and_signals(arch, tmp_path):
    """A static C program, also of the other machine: the emulator adds nothing that differs."""
    target = targets.find(arch)
    if target != targets.host() and not any(
        map(shutil.which, (f"qemu-{target.machine}-static", f"qemu-{target.machine}"))
    ):
        pytest.skip(f"programs for {target.arch} need qemu-user, which is not installed")
    toolchain = Toolchain(target, tmp_path / "work")
    stubs = "".join(f"void *__wrap_{name}(void) {{ return 0; }}\n" for name in WRAPPED)
    (tmp_path / "probe.c").write_text(STACK + stubs)
    program = tmp_path / "probe"
    made = toolchain.compile(tmp_path / "probe.c", tmp_path / "probe.o", log=Log())
    libc = pack.ensure(target, log=Log()).lib
    toolchain.link(program, libc=libc, objects=[made], archives=[], log=Log())
    seen = set()
    for _ in range(4):
        done = room.run(room.Room(program=program, target=target, arguments=["x"]), log=quiet())
        assert done.ok, done
        seen.add(done.stdout)
    [line] = seen
    assert line.split()[3:] == [b"/var/task/bootstrap", b"2", b"0"]


def test_many_at_once():
    with ThreadPoolExecutor(8) as threads:
        done = list(
            threads.map(lambda _: run_script("say([os.getpid(), os.getppid()])"), range(16))
        )
    assert [said(one) for one in done] == [[2, 1]] * 16


def test_with_an_old_emulator_the_best_cpu(tmp_path):
    old = tmp_path / "qemu"
    old.write_text("#!/bin/sh\necho 'Available CPUs:\n  cortex-a72\n  max'\n")
    old.chmod(0o755)
    assert room._emulated_cpu(old, targets.find("arm64")) == "max"
    old.write_text("#!/bin/sh\necho 'Available CPUs:\n  neoverse-n1\n  Haswell\n  max'\n")
    assert room._emulated_cpu(old, targets.find("arm64")) == "neoverse-n1"
    assert room._emulated_cpu(old, targets.find("x86_64")) == "Haswell"


def test_no_emulator(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    [foreign] = [target for target in targets.TARGETS.values() if target != targets.host()]
    with pytest.raises(ToolError, match=f"qemu-{foreign.machine}-static, which is not") as caught:
        room.run(room.Room(program=Path(__file__), target=foreign), log=quiet())
    assert "--snapshot off" in caught.value.hint


def test_what_is_no_program(way):
    with pytest.raises(ToolError, match="cannot be started in the clean room: Exec format error"):
        room.run(room.Room(program=Path(__file__), target=targets.host()), log=quiet())


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")
def test_as_somebody_else(tmp_path, monkeypatch):
    """A builder that is not root, for the kernel as well."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python that everybody may run")
    # What somebody else has to read, in a place where he may.
    place = Path(tempfile.mkdtemp(prefix="nb-room-", dir="/tmp"))
    try:
        code = place / "code"
        shutil.copytree(room_process.CHILD.parent, code)
        made = script_room(FACTS)
        shutil.copy(made.program, place / "python")
        library = place / "lib"
        for item in made.data:
            target = library / item.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(item.file, target)
        data = [DataFile(path=item.path, file=library / item.path) for item in made.data]
        monkeypatch.setattr(room_process, "CHILD", code / room_process.CHILD.name)
        monkeypatch.setattr(sys, "executable", python)
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        place.chmod(0o777)
        for path in place.rglob("*"):
            path.chmod(0o755)
        other = room.Room(
            program=place / "python",
            target=made.target,
            data=data,
            files=made.files,
            arguments=made.arguments,
            environ={"A": "1"},
            outputs={4: place / "out"},
        )
        facts = as_user(65534, lambda: said(room.run(other, log=quiet())), place / "result")
    finally:
        shutil.rmtree(place)
    assert (facts["pid"], facts["user"]) == (2, [993] * 3 + [990] * 3)
    assert facts["environ"] == {"A": "1"}
    assert facts["privileges"] == ["0" * 16, "0" * 16, "0" * 16, "1"]


def as_user(number, do, result):
    """What ``do`` returns in a process of that user; through the file ``result``, as JSON."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(number, number, number)
            os.setresuid(number, number, number)
            result.write_text(json.dumps(do()))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(result.read_text())
