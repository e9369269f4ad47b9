"""function.zip: the program and the data files, the same bytes for the same input."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, deflate, embed, resources
from native_bootstrap.errors import PackageTooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.modules import DataFile

# The hello program, 16 MB: level 7 8.01 MB in 2.0 s, 8 8.00 MB in 2.9 s, 9 7.99 MB in 3.5 s.
LEVEL = 8
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
EXECUTABLE = 0o755
PLAIN = 0o644
PROGRAM = "bootstrap"
MB = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Package:
    """A written zip. Sizes are in bytes; ``warnings`` are for the user."""

    path: Path
    zipped: int
    unzipped: int
    files: int
    sha256: str
    warnings: tuple[str, ...]


def write(
    program: Path,
    data: Sequence[DataFile],
    target: Path,
    *,
    limits: Mapping[str, int] | None = None,
    embedded: Mapping[str, int] | None = None,
) -> Package:
    """Zip ``program`` as ``bootstrap`` together with ``data`` (of two equal paths the last wins).

    ``embedded``: what of the program's size are shared objects, by path.
    Raises PackageTooLargeError before anything is written when the content is over Lambda's limit.
    A zip over the direct-upload limit is only a warning: it can be deployed through S3.
    """
    quotas = limits if limits is not None else resources.load("lambda_limits")
    files = _files(program, data)
    unzipped = _size(files)
    if unzipped > quotas["unzipped"]:
        raise _too_large(files, embedded or {}, unzipped, quotas["unzipped"])
    with cache.translate_os_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        try:
            _write(files, partial)
            os.replace(partial, target)  # noqa: PTH105 - atomic on POSIX, says so
        finally:
            partial.unlink(missing_ok=True)
        blob = target.read_bytes()
    warnings = []
    if len(blob) > quotas["direct_upload"]:
        warnings.append(
            f"{target.name} has {len(blob) / MB:.1f} MB; over {quotas['direct_upload'] / MB:.0f} MB"
            " a zip cannot be uploaded directly: upload it to S3 and deploy from there"
        )
    return Package(
        path=target,
        zipped=len(blob),
        unzipped=unzipped,
        files=len(files),
        sha256=hashlib.sha256(blob).hexdigest(),
        warnings=tuple(warnings),
    )


def cached(
    program: Path, key: str, data: Sequence[DataFile], embedded: Mapping[str, int] | None = None
) -> Package:
    """``write``, or the zip of before: deflating takes a second. ``key`` stands for ``program``."""
    parts = [part for item in data for part in (item.path, str(mode(item.file)), item.file)]
    code = (Path(__file__), Path(deflate.__file__))
    folder = cache.root() / "zips" / cache.content_key(key, *code, *parts)
    if not cache.is_intact(folder):
        with cache.publish(folder) as work:
            packed = write(program, data, work / "function.zip", embedded=embedded)
            (work / "package.json").write_text(json.dumps(dataclasses.asdict(packed), default=str))
    found = json.loads((folder / "package.json").read_text())
    found |= {"path": folder / "function.zip", "warnings": tuple(found["warnings"])}
    return Package(**found)


def excess(program: Path, data: Sequence[DataFile]) -> str:
    """By how much the function is too large for Lambda, in words; nothing where it is not."""
    size, limit = _size(_files(program, data)), resources.load("lambda_limits")["unzipped"]
    return _words(size, limit) if size > limit else ""


def _files(program: Path, data: Sequence[DataFile]) -> dict[str, Path]:
    return {**{item.path: item.file for item in data}, PROGRAM: program}


def _size(files: Mapping[str, Path]) -> int:
    return sum(file.stat().st_size for file in files.values())


def _words(size: int, limit: int) -> str:
    return f"the function has {size / MB:.1f} MB unzipped, Lambda allows {limit / MB:.1f} MB"


def _write(files: Mapping[str, Path], target: Path) -> None:
    """The data files from the cached part, then the program: it alone changes with the code."""
    data = {path: file for path, file in sorted(files.items()) if path != PROGRAM}
    if data:
        shutil.copyfile(_data_part(data), target)
    with zipfile.ZipFile(target, "a" if data else "w") as archive:
        _add_program(archive, files[PROGRAM])


def _data_part(files: Mapping[str, Path]) -> Path:
    """A zip of ``files`` alone, from the cache when they are the same."""
    parts: list[str | bytes] = [Path(__file__).read_bytes()]
    for path, file in files.items():
        parts += [path, str(mode(file)), file.read_bytes()]
    entry = cache.root() / "zips" / f"data-{cache.content_key(*parts)}"
    if not cache.is_intact(entry):
        with (
            cache.publish(entry) as work,
            zipfile.ZipFile(work / "data.zip", "w") as archive,
        ):
            for path, file in files.items():
                _add(archive, path, file.read_bytes(), mode(file))
    return entry / "data.zip"


def mode(file: Path) -> int:
    """What the zip says about a data file: whether it may be executed, nothing else."""
    return EXECUTABLE if file.stat().st_mode & stat.S_IXUSR else PLAIN


def _add(archive: zipfile.ZipFile, path: str, content: bytes, mode: int) -> None:
    archive.writestr(_entry(path, mode), content, zipfile.ZIP_DEFLATED, LEVEL)


def _entry(path: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, EPOCH)
    entry.create_system = 3  # Unix: the mode counts
    entry.external_attr = (stat.S_IFREG | mode) << 16
    return entry


def _add_program(archive: zipfile.ZipFile, program: Path) -> None:
    """The program, deflated here: zipfile knows no other way than one thread from the start."""
    content = program.read_bytes()
    packed = deflate.compress(content, LEVEL, embed.place(content))
    entry = _entry(PROGRAM, EXECUTABLE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.CRC, entry.file_size, entry.compress_size = zlib.crc32(content), len(content), len(packed)
    file = archive.fp
    assert file is not None
    file.seek(archive.start_dir)
    entry.header_offset = file.tell()
    file.write(entry.FileHeader(zip64=False))
    file.write(packed)
    archive.start_dir = file.tell()
    archive.filelist.append(entry)
    archive.NameToInfo[entry.filename] = entry
    # Else it writes no directory.
    archive._didModify = True  # type: ignore[attr-defined]  # noqa: SLF001


def _too_large(
    files: Mapping[str, Path], embedded: Mapping[str, int], size: int, limit: int
) -> PackageTooLargeError:
    folders: dict[str, int] = {}
    parts = [(path, file.stat().st_size) for path, file in files.items()]
    for path, bytes_ in (*parts, (PROGRAM, -sum(embedded.values())), *embedded.items()):
        top = path.partition("/")[0]
        folders[top] = folders.get(top, 0) + bytes_
    largest = sorted(folders.items(), key=lambda item: -item[1])[:5]
    listing = "\n".join(f"  {bytes_ / MB:8.1f} MB  {name}" for name, bytes_ in largest)
    return PackageTooLargeError(
        f"{_words(size, limit)}. The largest parts:\n{listing}",
        hint="leave files out with --exclude PATTERN, or read them from S3 or EFS",
    )
