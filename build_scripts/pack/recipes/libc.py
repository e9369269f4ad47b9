"""crt, musl and compiler-rt of the target, as zig builds them.

Zig only does so as part of a link; its verbose linker line then names the results. They are the
same bytes on every machine, but for names of its cache folders, which members of archives bear.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from build_scripts import symbols
from build_scripts.pack.recipes import Site
from build_scripts.toolchain import (
    CODE_FLAGS,
    CRT_OBJECT,
    DRIVER_LINK_FLAGS,
    LIBC_ARCHIVES,
    zig,
    zig_version,
)
from native_bootstrap.errors import ToolError

SOURCES: tuple[str, ...] = ()
NEEDS: tuple[str, ...] = ()


def build(site: Site) -> None:
    line = _linker_line(site)
    into = site.out / "lib"
    into.mkdir(parents=True, exist_ok=True)
    for name in (CRT_OBJECT, *LIBC_ARCHIVES):
        found = re.search(rf"(\S+/{re.escape(name)})(?:\s|$)", line)
        if not found:
            raise ToolError(
                f"zig's linker line does not name {name}",
                hint=f"ziglang {zig_version()} is not the version this project is made for",
                kept=site.log_file,
            )
        built = site.work / found[1]
        if name == CRT_OBJECT:
            shutil.copyfile(built, into / name)
        else:
            members = _numbered(built, site.work / name.removesuffix(".a"))
            site.toolchain.archive(into / name, members, log=site.log, log_file=site.log_file)


def _linker_line(site: Site) -> str:
    (site.work / "start.c").write_text("int main(void) { return 0; }\n")
    flags = (*site.toolchain.target_flags, *CODE_FLAGS, *DRIVER_LINK_FLAGS)
    text = site.run(
        zig(),
        *("cc", *flags, "start.c", "-o", "start"),
        cwd=site.work,
        env=site.toolchain.env(ZIG_VERBOSE_LINK="1"),
        what="building the C library",
    )
    # A cold cache prints several lld lines (crt1.o is one itself); the last links the program.
    return next((one for one in reversed(text.splitlines()) if one.startswith("ld.lld ")), "")


def _numbered(archive: Path, folder: Path) -> list[Path]:
    """The members of ``archive`` as files in ``folder``: several may have the same name."""
    folder.mkdir()
    found: list[Path] = []
    for number, member in enumerate(symbols.members(archive.read_bytes())):
        found.append(folder / f"{number}.o")
        found[-1].write_bytes(member)
    return found
