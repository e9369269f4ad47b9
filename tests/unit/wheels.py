"""Tiny wheels made on the spot, so that tests of the resolver need no network."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PURE = "py3-none-any"
MUSL = "cp313-cp313-musllinux_1_2_x86_64"


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str | bytes],
    *,
    requires: tuple[str, ...] = (),
    tag: str = "",
) -> Path:
    """Write ``name-version-tag.whl`` to ``folder``; the tag follows from the files."""
    tag = tag or (MUSL if any(path.endswith(".so") for path in files) else PURE)
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    content = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\n"
        f"Root-Is-Purelib: {'true' if tag == PURE else 'false'}\nTag: {tag}\n",
    }
    record = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return wheel


def make_elf(
    *,
    machine: int = 62,
    needed: tuple[str, ...] = ("libc.musl-x86_64.so.1",),
    soname: str = "",
    symbols: tuple[str, ...] = (),
    kind: int = 3,
    versions: Mapping[str, str] | None = None,
) -> bytes:
    """A shared object with all that a build looks at, and nothing to run.

    One segment holds the whole file: header, program headers, strings, symbols, their hash table,
    the versions needed of libraries (``versions``: one of each) and the dynamic section.
    """
    if versions is None:
        versions = {"libc.so.6": "GLIBC_2.17"} if "libc.so.6" in needed else {}
    strings = b"\0"

    def add(text: str) -> int:
        nonlocal strings
        strings += text.encode() + b"\0"
        return len(strings) - len(text) - 1

    dynamic = [(1, add(name)) for name in needed]
    dynamic += [(14, add(soname))] if soname else []
    table = bytes(24) + b"".join(
        struct.pack("<IBBHQQ", add(name), 0x12, 0, 1, 0x40, 8) for name in symbols
    )
    hashed = struct.pack("<IIII", 1, len(symbols) + 1, 0, 0) + bytes(4 * len(symbols))
    wanted = b"".join(
        struct.pack("<HHIII", 1, 1, add(library), 16, 32 if number < len(versions) else 0)
        + struct.pack("<IHHII", 0, 0, 2, add(version), 0)
        for number, (library, version) in enumerate(versions.items(), 1)
    )
    strings += bytes(-len(strings) % 8)
    strings_at = 64 + 2 * 56
    table_at = strings_at + len(strings)
    hash_at = table_at + len(table)
    hashed += bytes(-len(hashed) % 8)
    wanted_at = hash_at + len(hashed)
    dynamic_at = wanted_at + len(wanted)
    if versions:
        dynamic += [(0x6FFFFFFE, wanted_at), (0x6FFFFFFF, len(versions))]
    dynamic += [(5, strings_at), (10, len(strings)), (6, table_at), (11, 24), (4, hash_at), (0, 0)]
    tail = b"".join(struct.pack("<QQ", *entry) for entry in dynamic)
    total = dynamic_at + len(tail)
    return b"".join(
        (
            b"\x7fELF\x02\x01\x01" + bytes(9),
            struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0),
            struct.pack("<IIQQQQQQ", 1, 6, 0, 0, 0, total, total, 4096),
            struct.pack(
                "<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, dynamic_at, len(tail), len(tail), 8
            ),
            strings,
            table,
            hashed,
            wanted,
            tail,
        )
    )
