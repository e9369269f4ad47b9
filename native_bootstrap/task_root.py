"""Run a program with a folder at /var/task, where Lambda has it. Nothing is made on the host.

Stand-alone, run by launch.py with `python -I -S`. Standard input is JSON: `folder`, `command`,
`environ`. To the descriptor in the first argument go JSON objects, one a line: {"refused": why}
when this machine does not allow it; {"started": time.monotonic()} just before the program takes
this process over, and then {"failed": why} when it cannot.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

TASK = "/var/task"
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000


def main() -> int:
    spec, status = json.load(sys.stdin), int(sys.argv[1])
    os.set_inheritable(status, False)  # it closes when the program takes over
    try:
        enter(spec["folder"])
    except (OSError, ImportError) as error:
        tell(status, refused=getattr(error, "strerror", None) or str(error))
        return 1
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and that would be inherited
    tell(status, started=time.monotonic())
    try:
        os.execve(spec["command"][0], spec["command"], spec["environ"])
    except OSError as error:
        tell(status, failed=error.strerror)
    return 1


def tell(status: int, **what: object) -> None:
    os.write(status, json.dumps(what).encode() + b"\n")


def enter(folder: str) -> None:
    """A mount namespace of this process's own with ``folder``, read-only, at /var/task.

    Only root may make one, or whoever is something like it in a user namespace of their own.
    """
    try:
        _call("unshare", CLONE_NEWNS)
    except PermissionError:
        _enter_user_namespace()
    mount("none", "/", MS_REC | MS_PRIVATE)
    if not os.path.isdir(TASK):
        _make_place()
    mount(folder, TASK, MS_BIND)
    # What the file system was mounted with must stay: a user namespace may not take it away.
    kept = os.statvfs(TASK).f_flag & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC)
    mount("none", TASK, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)
    os.chdir(TASK)


def _enter_user_namespace() -> None:
    """Still the same user in there, and all powers until the program takes over."""
    user, group = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    for name, text in maps.items():
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _make_place() -> None:
    """A new /var over the host's, with everything of the host's and an empty `task`."""
    os.chdir("/var")  # this stays the host's
    mount("tmpfs", "/var", MS_NOSUID | MS_NODEV, "tmpfs", "mode=0755")
    for entry in os.scandir("."):
        place = f"/var/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.name), place)
            continue
        if entry.is_dir():
            os.mkdir(place)
        else:
            os.close(os.open(place, os.O_CREAT))
        mount(entry.name, place, MS_BIND | MS_REC)
    os.mkdir(TASK)


def mount(source: str, target: str, flags: int, kind: str = "none", options: str = "") -> None:
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode())
    _call("mount", *arguments, flags, options.encode())


def _call(name: str, *arguments: object) -> None:
    """A function of libc that Python does not have. Its numbers are all unsigned longs or fit."""
    import ctypes  # late: a Python without it gets the reason told

    libc = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    if getattr(libc, name)(*given) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
