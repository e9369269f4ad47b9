"""What the tests of the clean room share: scripts that run in one, and traces they may leave."""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import pack, targets
from build_scripts.log import Log, quiet
from build_scripts.modules import DataFile
from build_scripts.snapshot import room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCRIPT = "/nb/script.py"
# Root can take the way of others as well.
WAYS = ("root", "user") if os.geteuid() == 0 else ("user",)


def script_room(text: str, *, target: targets.Target | None = None, **more: Any) -> room.Room:
    """A room in which the pack's Python runs ``text``; ``say(…)`` in it prints JSON.

    ``arguments`` are the script's own, ``data`` comes in addition to the standard library.
    """
    target = target or targets.host()
    found = pack.ensure(target, log=Log())
    library = found.stdlib
    modules = [
        DataFile(path=f"lib/{library.name}/{file.relative_to(library)}", file=file)
        for file in sorted(library.rglob("*.py"))
    ]
    start = "import json, os, sys\ndef say(value): print(json.dumps(value), flush=True)\n"
    arguments = ("-I", "-S", SCRIPT, *more.pop("arguments", ()))
    files = {SCRIPT: (start + text).encode(), **more.pop("files", {})}
    data = [*modules, *more.pop("data", ())]
    return room.Room(
        program=found.python, target=target, data=data, files=files, arguments=arguments, **more
    )


def run_script(text: str, **more: Any) -> room.Finished:
    return room.run(script_room(text, **more), log=quiet())


def said(finished: room.Finished) -> Any:
    """The last JSON value that a script printed."""
    assert finished.ok, finished
    return json.loads(finished.stdout.splitlines()[-1])


def marker() -> str:
    """An argument by which the processes of one room are recognised from outside."""
    return f"marker-{uuid.uuid4().hex}"


def processes(mark: str) -> list[int]:
    """The processes on this machine that have ``mark`` on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@contextmanager
def nothing_left(scratch: Path, patch: Any) -> Iterator[None]:
    """No file in the folder for temporary ones, and no mount, is left by what the block does.

    The room's own root is mounted on that folder. Of other mounts, other programs may be the cause.
    """
    scratch.mkdir()
    patch.setattr(tempfile, "tempdir", str(scratch))
    yield
    assert list(scratch.iterdir()) == []
    assert str(scratch) not in Path("/proc/mounts").read_text()
