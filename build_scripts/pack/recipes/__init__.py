"""One module per step of a pack. Each says what it needs and how it is made.

A recipe is a module with ``SOURCES`` (names in sources.toml), ``NEEDS`` (other recipes whose
output it uses) and ``build(site)``, which leaves its result below ``site.out``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from build_scripts import process
from build_scripts.pack import sources
from build_scripts.toolchain import Compilation, Toolchain, zig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from build_scripts.log import Log
    from build_scripts.pack.sources import Source

RESOURCES = Path(__file__).parent.with_name("resources")
# What the libraries are compiled with, on top of the toolchain's flags.
LIBRARY_FLAGS = ("-O2", "-std=gnu11", "-w")


class Recipe(Protocol):
    """What a recipe module looks like."""

    SOURCES: tuple[str, ...]
    NEEDS: tuple[str, ...]

    @staticmethod
    def build(site: Site, /) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a recipe works: ``work`` is scratch, ``out`` its result, ``needs`` others' results."""

    toolchain: Toolchain
    sources: Mapping[str, Source]
    needs: Mapping[str, Path]
    work: Path
    out: Path
    log: Log
    log_file: Path
    host_python: Path | None = None

    @property
    def arch(self) -> str:
        return self.toolchain.target.arch

    def unpack(self, name: str) -> Path:
        """Extract a source; its licence goes into the result."""
        source = self.sources[name]
        tree = sources.unpack(source, self.work / "src", log=self.log, log_file=self.log_file)
        licences = self.out / "licenses" / name
        licences.mkdir(parents=True, exist_ok=True)
        for file in source.licence_files:
            (licences / file).write_bytes((tree / file).read_bytes())
        return tree

    @property
    def nameless(self) -> str:
        """The flag that keeps this scratch folder's name out of __FILE__."""
        return f"-ffile-prefix-map={self.work / 'src'}=/usr/src"

    def toolchain_ar(self, operation: str, *arguments: str | Path) -> None:
        self.run(zig(), "ar", operation, *arguments, cwd=self.work, what="changing an archive")

    def run(
        self,
        *command: str | Path,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        what: str = "",
    ) -> str:
        return process.run(
            command,
            log=self.log,
            cwd=cwd,
            env=self.toolchain.env() if env is None else env,
            log_file=self.log_file,
            what=what,
        )

    def library(
        self,
        name: str,
        files: Iterable[Path],
        *,
        include: Sequence[Path] = (),
        flags: Sequence[str] = (),
    ) -> Path:
        """Compile ``files`` into ``lib/<name>.a`` of the result."""
        places = tuple(f"-I{path}" for path in include)
        work = [
            Compilation(source=file, output=self.work / "o" / f"{i}-{file.stem}.o")
            for i, file in enumerate(files)
        ]
        objects = self.toolchain.compile_all(
            work,
            flags=(*LIBRARY_FLAGS, self.nameless, *flags, *places),
            log=self.log,
            log_file=self.log_file,
        )
        return self.toolchain.archive(
            self.out / "lib" / f"{name}.a", objects, log=self.log, log_file=self.log_file
        )

    def install_headers(self, *files: Path) -> None:
        folder = self.out / "include"
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.read_bytes())
