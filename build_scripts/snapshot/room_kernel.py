"""System calls for which Python has no function, by their names in libc.

Stand-alone: used by room_child.py, which runs without this project on its path.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2
ADDR_NO_RANDOMIZE = 0x0040000
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_NO_NEW_PRIVS = 38

_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object, what: str = "") -> int:
    """``what`` tells more than ``name`` when it fails."""
    result = int(getattr(_LIBC, name)(*arguments))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what or name)
    return result


def unshare(flags: int) -> None:
    _call("unshare", ctypes.c_int(flags))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    _call(
        "mount",
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
        what=f"mount {target}",
    )


def unmount(target: str, flags: int = 0) -> None:
    _call("umount2", os.fsencode(target), ctypes.c_int(flags))


def pivot_root(new_root: str, put_old: str) -> None:
    """No header declares it, but both glibc and musl export it."""
    _call("pivot_root", os.fsencode(new_root), os.fsencode(put_old))


def personality(value: int) -> None:
    _call("personality", ctypes.c_ulong(value))


def prctl(option: int, value: int | bytes) -> None:
    argument = value if isinstance(value, bytes) else ctypes.c_ulong(value)
    _call("prctl", ctypes.c_int(option), argument, *[ctypes.c_ulong(0)] * 3)


def set_domain_name(name: bytes) -> None:
    _call("setdomainname", name, ctypes.c_size_t(len(name)))


def wipe_command_line() -> None:
    """Overwrite this process's arguments: /proc/1/cmdline would tell where the builder lies."""
    with open("/proc/self/stat", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start, arg_end; see proc(5)
    if 0 < start < end:
        ctypes.memset(start, 0, end - start)
