"""A pack as one archive, so that a team or a CI builds it once."""

from __future__ import annotations

import errno
import json
import lzma
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from build_scripts import cache, targets
from build_scripts.pack import model
from build_scripts.scratch import private_folder
from native_bootstrap.errors import PackError

if TYPE_CHECKING:
    from build_scripts.log import Log
    from build_scripts.pack.model import Pack

# Level 1: a pack is mostly machine code and already small text; 6 takes five times as long for 6 %.
PRESET = 1
LARGEST = 2 << 30  # bytes unpacked; a pack is about 100 MB
# A file twice, a file as the folder of another, a name that no file system takes.
NAMES_DO_NOT_FIT = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


def export(pack: Pack, archive: Path, *, log: Log) -> Path:
    """Write ``pack`` as ``archive`` (.tar.xz); the file appears only when it is complete."""
    wrong = model.damage(pack)
    if wrong:
        raise PackError(
            f"{pack.root.name} is damaged: {', '.join(wrong[:3])}",
            hint=f"delete {pack.root} and run `build-native pack build`",
        )
    with log.step("export", detail=archive.name), cache.translate_os_errors(archive):
        archive.parent.mkdir(parents=True, exist_ok=True)
        # A folder of our own: in one that others may write to, a fixed name could be a trap.
        with private_folder(".export-", archive.parent) as private:
            partial = private / "pack"
            with (
                lzma.open(partial, "wb", preset=PRESET) as stream,
                tarfile.open(fileobj=stream, mode="w|") as out,
            ):
                for name in (model.INFO, *pack.info["files"]):
                    inside = f"{pack.root.name}/{name}"
                    out.add(pack.root / name, inside, recursive=False, filter=_plain)
            partial.replace(archive)
    return archive


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the machine's users and times, and hard links written as files."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    return member


def import_(archive: Path, *, log: Log) -> Pack:
    """Unpack ``archive`` into the cache and check every file by its hash.

    Raises PackError for anything that is not a whole pack; nothing is left behind then.
    """
    if not archive.is_file():
        raise PackError(f"{archive} does not exist", hint="give the file that `pack export` wrote")
    target = model.folder()
    with log.step("import", detail=archive.name), cache.translate_os_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        with private_folder(".import-", target) as scratch:
            root = _extract(archive, scratch)
            pack = model.read(root)
            if pack is None or not _is_well_formed(pack):
                raise _not_a_pack(archive, f"its {model.INFO} is missing or wrong")
            there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
            unlisted = sorted(there - {model.INFO, *pack.info["files"]})
            if unlisted:
                raise _not_a_pack(archive, f"its {model.INFO} does not know {unlisted[0]}")
            wrong = model.damage(pack)
            if wrong:
                raise _not_a_pack(archive, f"{wrong[0]} and {len(wrong) - 1} more differ")
            model.stamp(root)
            final = target / root.name
            with cache.lock(f"pack-{pack.arch}"):
                present = model.read(final)
                # One that is whole may be in use by a build.
                if present is None or not model.is_intact(present):
                    cache.remove(final)
                    root.replace(final)
    found = model.read(final)
    assert found is not None
    return found


def _is_well_formed(pack: Pack) -> bool:
    """Whether pack.json, which anybody may have written, has the shape that the code relies on."""
    files = pack.info.get("files")
    return (
        pack.info.get("name") == pack.root.name
        and pack.arch in tuple(targets.TARGETS)
        and isinstance(pack.version, str)
        and isinstance(files, dict)
        and f"bin/python{pack.short_version}" in files
        and all(isinstance(row, list) and len(row) == 2 for row in files.values())
    )


def _extract(archive: Path, into: Path) -> Path:
    """Unpack regular files below one top folder; anything else in the archive is refused."""
    top = ""
    total = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts
                if (
                    not member.isfile()
                    or len(parts) < 2
                    or member.name.startswith("/")
                    or ".." in parts
                    or parts[0] != (top := top or parts[0])
                ):
                    raise _not_a_pack(archive, f"it holds {member.name!r}")
                total += member.size
                if total > LARGEST:
                    raise _not_a_pack(archive, "it is far too large")
                _write(tar, member, into.joinpath(*parts))
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in (None, *NAMES_DO_NOT_FIT):
            raise
        raise _not_a_pack(archive, str(error)) from error
    if not top:
        raise _not_a_pack(archive, "it is empty")
    return into / top


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = tar.extractfile(member)
    assert content is not None, "only regular files come here"
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("xb") as out:
        shutil.copyfileobj(content, out, 1 << 20)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _not_a_pack(archive: Path, why: str) -> PackError:
    return PackError(
        f"{archive} is not a whole runtime pack: {why}",
        hint="export it again with `build-native pack export`, or fetch the file again",
    )


def describe(pack: Pack) -> str:
    """One line for ``pack list``."""
    versions = {name: row["version"] for name, row in pack.info["sources"].items()}
    return json.dumps({"name": pack.root.name, **versions})
