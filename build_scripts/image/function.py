"""What an image is made of: the output folder of a build."""

from __future__ import annotations

import json
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import package, targets
from build_scripts.image.layers import Entry
from native_bootstrap.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TASK = "var/task"
BUILD_IT = "build it first: build-native build app.handler"


@dataclass(frozen=True, kw_only=True)
class Function:
    """``program`` and ``data`` are function.zip's files, in their places below the root."""

    program: Entry
    data: tuple[Entry, ...]
    target: targets.Target
    handler: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def load(folder: Path) -> Function:
    """Read function.zip, and report.json beside it as far as it tells of the handler."""
    files = _unzip(folder)
    program = files.pop(f"{TASK}/{package.PROGRAM}", None)
    if program is None:
        raise ImageError(f"{folder / 'function.zip'} holds no bootstrap", hint=BUILD_IT)
    facts = _report(folder)
    return Function(
        program=program,
        data=tuple(files.values()),
        target=_target(program, folder),
        handler=str(facts.get("handler", "")),
        facts=facts,
    )


def _unzip(folder: Path) -> dict[str, Entry]:
    archive = folder / "function.zip"
    try:
        with zipfile.ZipFile(archive) as file:
            return {
                f"{TASK}/{item.filename}": Entry(
                    path=f"{TASK}/{item.filename}",
                    content=file.read(item),
                    mode=stat.S_IMODE(item.external_attr >> 16) or package.PLAIN,
                )
                for item in file.infolist()
            }
    except FileNotFoundError:
        raise ImageError(f"no function.zip in {folder}", hint=BUILD_IT) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise ImageError(f"{archive} cannot be read: {error}", hint="build it again") from error


def _report(folder: Path) -> dict[str, Any]:
    """An image can be made without a report: it then names no handler."""
    try:
        facts = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _target(program: Entry, folder: Path) -> targets.Target:
    """For which machine the program is: its ELF header tells."""
    assert isinstance(program.content, bytes)
    machine = int.from_bytes(program.content[18:20], "little")
    for target in targets.TARGETS.values():
        if program.content[:4] == b"\x7fELF" and target.elf_machine == machine:
            return target
    raise ImageError(f"the bootstrap in {folder / 'function.zip'} is no program for Lambda")
