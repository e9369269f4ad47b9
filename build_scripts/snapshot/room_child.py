"""Makes the clean room and runs one program in it: ``python -I -S room_child.py``.

Stand-alone: only the standard library, all of it imported before the host's root is left. Started
by room.py with a description on standard input, which then stays open: its end is the end of the
builder, and of the room.

    room.py ── this process ── pid 1 of the room ── pid 2, the program
               namespaces      files, watches it     exec

Whatever ends pid 1, the kernel ends everything else in its pid namespace, so nothing survives: not
a child of the program, and not the program when the builder is killed.

On the report descriptor: JSON lines {"failed": step, "error": …} or {"ended": …}.
"""

from __future__ import annotations

import binascii
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from build_scripts.snapshot import room_api, room_tree, room_watch
    from build_scripts.snapshot import room_kernel as kernel
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

    import room_api
    import room_kernel as kernel
    import room_tree
    import room_watch

LIFELINE = 0
HOST_NAME = "localhost"
MAIN_PID = 2
MB = 1 << 20
# As on Lambda. The stack's limit also decides where the kernel puts memory maps.
LIMITS = {
    resource.RLIMIT_CORE: (0, 0),
    resource.RLIMIT_NOFILE: (1024, 1024),
    resource.RLIMIT_STACK: (8 * MB, resource.RLIM_INFINITY),
    resource.RLIMIT_NPROC: (4096, 4096),  # before Linux 5.14 the host's own count, too
}


class StepError(Exception):
    """A step towards the room that could not be done."""


@contextmanager
def step(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = str(error.filename or "").removeprefix(room_tree.OLD)
        raise StepError(name, f"{error.strerror} ({place})" if place else error.strerror) from None


class Report:
    """Where the builder is told what happened; closed when the program is executed."""

    def __init__(self, file: int) -> None:
        self.file = file

    def say(self, **facts: object) -> None:
        line = json.dumps(facts).encode() + b"\n"
        while line:
            line = line[os.write(self.file, line) :]

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Around the whole work of one process: it ends here, with a report when it failed."""
        status = 1
        try:
            yield
            status = 0
        except StepError as error:
            self.say(failed=error.args[0], error=error.args[1])
        except BaseException as error:
            self.say(failed="unexpected", error=f"{type(error).__name__}: {error}")
        finally:
            os._exit(status)


def main() -> None:
    spec = json.loads(read_description())
    report = Report(spec["report"])
    with report.failures():
        kernel.wipe_command_line()
        kernel.prctl(kernel.PR_SET_NAME, b"room")
        enter_namespaces(spec["way"])
        die_with_parent()
        child = os.fork()
        if child == 0:
            with report.failures():
                die_with_parent()
                first_process(spec, report)
        os.waitpid(child, 0)


def read_description() -> bytes:
    length = struct.unpack("<I", read_exactly(4))[0]
    return read_exactly(length)


def read_exactly(length: int) -> bytes:
    content = b""
    while len(content) < length:
        block = os.read(LIFELINE, length - len(content))
        if not block:
            os._exit(1)  # the builder has gone
        content += block
    return content


def die_with_parent() -> None:
    """Besides the lifeline: it is watched only once the room is ready."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def enter_namespaces(way: str) -> None:
    """With the rights that this process has ("root"), or with those of a user namespace ("user").

    There the program's user is this one under another number.
    """
    user, group = os.geteuid(), os.getegid()
    if way == "user":
        with step("user namespace"):
            kernel.unshare(kernel.CLONE_NEWUSER)
        with step("users of the namespace"):
            write("/proc/self/setgroups", "deny")
            write("/proc/self/uid_map", f"{room_tree.UID} {user} 1")
            write("/proc/self/gid_map", f"{room_tree.GID} {group} 1")
    with step("namespaces"):
        kernel.unshare(
            kernel.CLONE_NEWNS
            | kernel.CLONE_NEWNET
            | kernel.CLONE_NEWPID
            | kernel.CLONE_NEWIPC
            | kernel.CLONE_NEWUTS
        )
    with suppress(OSError):  # hides the host's name for our cgroup; Linux 4.6
        kernel.unshare(kernel.CLONE_NEWCGROUP)


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def first_process(spec: dict[str, Any], report: Report) -> None:
    """Process 1: it makes the room, starts the program and waits for whatever comes first."""
    with step("files"):
        room_tree.make(spec)
    with step("host name"):
        socket.sethostname(HOST_NAME)
        kernel.set_domain_name(b"(none)")
    if spec["loopback"]:
        with step("loopback"):
            bring_up(b"lo")
    # The program may be of the same user: what /proc says of this process is not for it.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    watch = room_watch.Watch(LIFELINE, ranges=spec["ranges"])
    if spec["events"] is not None:
        events = [binascii.a2b_base64(event) for event in spec["events"]]
        with step("Runtime API"):
            watch.api = room_api.Api(events, watch.selector, spec["timeout"])
    started = time.monotonic()
    program = os.fork()
    if program == 0:
        with report.failures():
            assert os.getpid() == MAIN_PID
            execute(spec, report)
    end = watch.wait(program, started + spec["timeout"])
    report.say(ended=end | watch.exchange(started), seconds=time.monotonic() - started)


def bring_up(interface: bytes) -> None:
    """SIOCGIFFLAGS, SIOCSIFFLAGS | IFF_UP; see netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", interface, 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, 0x8913, request))[1]
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", interface, flags | 1))


def execute(spec: dict[str, Any], report: Report) -> None:
    """Become the program: nothing of this process or of the builder is left in it."""
    with step("session"):
        os.setsid()
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or the file belongs to root
        write("/proc/self/oom_score_adj", "1000")  # before the builder, if memory runs out
    if spec["way"] == "root":
        with step("user"):
            os.setgroups([])
            os.setresgid(*[room_tree.GID] * 3)
            os.setresuid(*[room_tree.UID] * 3)
    with step("limits"):
        for name, (soft, hard) in {**LIMITS, resource.RLIMIT_FSIZE: spec["file_limit"]}.items():
            limit(name, soft, hard)
    with step("no new privileges"):
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    with step("personality"):
        kernel.personality(kernel.ADDR_NO_RANDOMIZE)
    with step("descriptors"):
        arrange(spec["descriptors"], report)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    with step("exec"):
        os.execve(spec["command"][0], spec["command"], spec["environ"])  # noqa: S606


def limit(name: int, soft: int, hard: int) -> None:
    """As asked, or as near as the limits of the builder allow."""
    try:
        resource.setrlimit(name, (soft, hard))
    except (OSError, ValueError):
        most = resource.getrlimit(name)[1]
        resource.setrlimit(name, (min(soft, most) if most >= 0 else soft, most))


def arrange(wanted: list[list[int]], report: Report) -> None:
    """Exactly 0 (/dev/null), 1, 2 and what is ``wanted`` (ours, theirs); all else is closed."""
    high = 512
    moved = [(fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, high), theirs) for ours, theirs in wanted]
    report.file = fcntl.fcntl(report.file, fcntl.F_DUPFD_CLOEXEC, high)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    for ours, theirs in moved:
        os.dup2(ours, theirs)
    kept = {0, 1, 2, report.file, *(theirs for _, theirs in moved)}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with suppress(OSError):
                os.close(int(name))


if __name__ == "__main__":
    main()
