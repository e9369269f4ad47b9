"""The files of the clean room: a root of its own, laid out as on Lambda.

Stand-alone: used by room_child.py, in new mount and pid namespaces. Nothing is made on the host:
the root is a tmpfs that only this mount namespace has, and it goes with its last process.
"""

from __future__ import annotations

import binascii
import os
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from build_scripts.snapshot import room_kernel as kernel
else:
    import room_kernel as kernel

UID, GID = 993, 990  # sbx_user1051's on Lambda
ETC = {
    "passwd": (
        "root:x:0:0:root:/root:/bin/bash\n"
        f"sbx_user1051:x:{UID}:{GID}::/home/sbx_user1051:/sbin/nologin\n"
    ),
    "group": f"root:x:0:\nsbx_user1051:x:{GID}:\n",
    "hosts": "127.0.0.1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    # Link-local as on Lambda. There is no route to it, but musl waits for the time given here.
    "resolv.conf": "nameserver 169.254.78.1\noptions timeout:1 attempts:1\n",
}
DEVICES = ("null", "zero", "full", "random", "urandom")
LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}  # below /proc/self/fd
OLD = "/.host"  # where the host's root is while the room is filled
# What a zip can say at the least: nothing in the room tells when it was made.
EPOCH = 315532800
BLOCK = 1 << 24


def make(spec: dict[str, Any]) -> None:
    """Leave the host's root for a new one with what ``spec`` names in it; read-only but /tmp.

    Host paths in ``spec`` are absolute and without symbolic links.
    """
    os.umask(0o022)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", spec["scratch"], "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755")
    os.mkdir(spec["scratch"] + OLD)
    kernel.pivot_root(spec["scratch"], spec["scratch"] + OLD)
    os.chdir("/")
    for path in ("/var/task", "/opt", "/etc", "/proc", "/tmp", "/dev/shm"):
        os.makedirs(path)
    for source, path, mode in spec["copies"]:
        copy(OLD + source, path, mode)
    for source, path, mode in spec["binds"]:
        bind(OLD + source, path, mode)
    for path, content in spec["files"].items():
        write(path, binascii.a2b_base64(content))
    for name, text in ETC.items():
        write(f"/etc/{name}", text.encode())
    for name in DEVICES:
        write(f"/dev/{name}", b"")
        kernel.mount(f"{OLD}/dev/{name}", f"/dev/{name}", flags=kernel.MS_BIND)
    for name, rest in LINKS.items():
        os.symlink(f"/proc/self/fd{rest}", f"/dev/{name}")
    # Before the host's is gone: a user namespace may mount it only while it sees another.
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    kernel.unmount(OLD, kernel.MNT_DETACH)
    os.rmdir(OLD)
    forget_times("/")
    kernel.mount(
        "none",
        "/",
        flags=kernel.MS_REMOUNT
        | kernel.MS_BIND
        | kernel.MS_RDONLY
        | kernel.MS_NOSUID
        | kernel.MS_NODEV,
    )
    kernel.mount(
        "tmpfs", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777,size=512m"
    )
    kernel.mount(
        "tmpfs", "/dev/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777,size=64m"
    )
    os.chdir("/var/task")


def write(path: str, content: bytes, mode: int = 0o644) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)


def copy(source: str, path: str, mode: int) -> None:
    write(path, b"", mode)
    with open(source, "rb") as file, open(path, "wb") as out:
        while os.sendfile(out.fileno(), file.fileno(), None, BLOCK):
            pass


def bind(source: str, path: str, mode: int) -> None:
    """The file itself, read-only. A copy where it lies on a file system without execution:

    the loader maps the code of extension modules out of the file.
    """
    flags = os.statvfs(source).f_flag
    if flags & os.ST_NOEXEC:
        copy(source, path, mode)
        return
    write(path, b"")
    kernel.mount(source, path, flags=kernel.MS_BIND)
    # What the file system was mounted with must stay: a user namespace may not take it away.
    kept = flags & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOATIME | os.ST_NODIRATIME)
    kernel.mount("none", path, flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kept)


def forget_times(top: str) -> None:
    """One time for everything that is on the file system of ``top``.

    Python keeps the times of folders that it has searched, so they would be part of the image.
    """
    device = os.lstat(top).st_dev
    os.utime(top, (EPOCH, EPOCH))
    for base, folders, files in os.walk(top):
        found = {name: os.lstat(os.path.join(base, name)) for name in (*folders, *files)}
        folders[:] = [name for name in folders if found[name].st_dev == device]
        for name, status in found.items():
            if status.st_dev == device and not stat.S_ISLNK(status.st_mode):
                os.utime(os.path.join(base, name), (EPOCH, EPOCH))
