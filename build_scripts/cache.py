"""The content-keyed cache below every expensive stage.

An entry is a folder that appears under its final name only when it is complete. It carries a stamp
with the size and the CRC of every file, so that a damaged entry is noticed and made again. (CRC-32
runs at more than 1 GB/s, a cryptographic hash at a third of that; damage is not an adversary.)
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts.scratch import private_folder
from native_bootstrap.errors import DiskFullError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

STAMP = ".complete.json"
BLOCK = 1 << 20
KEPT = 16  # entries of a kind that `prune` leaves, as long as they are not larger together than
KEPT_BYTES = 4 << 30  # this: a program with large wheels and its debug twin take 360 MB
UNUSED_SECONDS = 3600.0  # another build may still use what is younger


def root() -> Path:
    """The cache folder: $NATIVE_BOOTSTRAP_CACHE, else native-bootstrap in the user's cache."""
    chosen = os.environ.get("NATIVE_BOOTSTRAP_CACHE")
    if chosen:
        return Path(chosen).absolute()  # tools run in other folders
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification: a relative path is invalid and is to be ignored.
    return (base if base.is_absolute() else Path.home() / ".cache") / "native-bootstrap"


def content_key(*parts: str | bytes | Path) -> str:
    """16 hex digits that stand for ``parts``; a Path stands for its content."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "little"))
            digest.update(piece)
    return digest.hexdigest()[:16]


def _pieces(part: str | bytes | Path) -> Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
    elif isinstance(part, str):
        yield part.encode()
    elif part.is_dir():
        for path in sorted(p for p in part.rglob("*") if p.is_file()):
            if "__pycache__" not in path.parts:
                yield str(path.relative_to(part)).encode()
                yield path.read_bytes()
    else:
        yield part.read_bytes()


@contextmanager
def publish(final: Path) -> Iterator[Path]:
    """Yield a private folder beside ``final``; it takes that name when the block ends well.

    An exception, an interrupt included, leaves nothing behind. A full disk becomes DiskFullError.
    """
    with translate_os_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        with private_folder(f".{final.name}.", final.parent) as work:
            before = _identity(final)
            yield work
            (work / STAMP).write_text(json.dumps(_inventory(work)))
            work.chmod(0o755)
            _take_place(work, final, before)


def _identity(entry: Path) -> tuple[int, int] | None:
    """Which of the entries that have had this name it is; None without one."""
    with suppress(OSError):
        status = (entry / STAMP).stat()
        return status.st_ino, status.st_ctime_ns
    return None


def _take_place(work: Path, final: Path, before: tuple[int, int] | None) -> None:
    """Rename ``work`` to ``final``, in place of what lay there ``before`` it was built.

    When another builder was faster, its entry stays: others may be reading it by now.
    """
    while True:
        try:
            work.replace(final)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        if _identity(final) != before and is_intact(final):
            return
        remove(final)


def remove(entry: Path) -> None:
    """Take an entry away in one step: nobody sees, or stumbles over, one that is half removed."""
    with (
        private_folder(f".{entry.name}.", entry.parent) as old,
        suppress(FileNotFoundError),
    ):
        entry.replace(old)


def is_intact(entry: Path) -> bool:
    """Whether ``entry`` is complete and its files are as they were when it was published."""
    try:
        stamped = json.loads((entry / STAMP).read_text())
        if stamped != _inventory(entry):
            return False
    except (OSError, ValueError):  # also when another process replaces it meanwhile
        return False
    with suppress(OSError):  # somebody else's cache
        os.utime(entry)  # when it was last of use: see `prune`
    return True


def prune(kind: str) -> None:
    """Keep what was of use lately: a changed handler leaves a program and a zip each time."""
    entries = [path for path in (root() / kind).glob("[!.]*") if not path.is_symlink()]
    with suppress(OSError):
        entries.sort(key=lambda path: -path.stat().st_mtime)
        total = 0
        for position, entry in enumerate(entries):
            total += sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())
            is_much = position >= KEPT or total > KEPT_BYTES
            if is_much and time.time() - entry.stat().st_mtime > UNUSED_SECONDS:
                remove(entry)


def _inventory(folder: Path) -> dict[str, list[int]]:
    """Size and CRC of every file. Plain strings and descriptors: 3,000 files in 0.1 s."""
    found: dict[str, list[int]] = {}
    top = len(str(folder)) + 1
    for base, dirs, files in os.walk(str(folder)):
        dirs[:] = [name for name in dirs if name != "__pycache__"]
        for name in files:
            path = f"{base}/{name}"
            if name != STAMP and not os.path.islink(path):  # noqa: PTH114
                found[path[top:]] = _fingerprint(path)
    return dict(sorted(found.items()))


def _fingerprint(path: str) -> list[int]:
    size = crc = 0
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while block := os.read(file, BLOCK):
            size += len(block)
            crc = zlib.crc32(block, crc)
    finally:
        os.close(file)
    return [size, crc]


@contextmanager
def lock(name: str) -> Iterator[None]:
    """One builder at a time for ``name``; others wait for it."""
    folder = root() / "locks"
    with translate_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def translate_os_errors(where: Path) -> Iterator[None]:
    """Turn the two I/O errors a user can act on into their own messages."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"the disk is full while writing {where}", hint="free some space and try again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT):
            raise OutputError(
                f"cannot write {error.filename or where}: {error.strerror}",
                hint="choose a folder that you may write to" + _whose_rights(),
            ) from error
        raise


def _whose_rights() -> str:
    """In a build image the user is another one than outside, or is mapped to one."""
    if not os.environ.get("NATIVE_BOOTSTRAP_CONTAINER"):
        return ""
    return (
        f"; in this container that is user {os.geteuid()}, whom its engine maps to another one "
        "outside: give that one access, or use an engine that maps it to you (rootless podman)"
    )
