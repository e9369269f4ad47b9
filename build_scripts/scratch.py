"""Private folders for work in progress, gone at the end whatever happens.

An interrupt raises between any two instructions: between the creation of a folder and the ``try``
that would remove it, or within its removal (what `tempfile` offers loses the folder then). Here a
name is written down before its folder exists, and crossed out once the folder is gone; what is
still on the list when the program ends is removed then.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_listed: set[Path] = set()


@contextmanager
def private_folder(prefix: str = "native-bootstrap-", parent: Path | None = None) -> Iterator[Path]:
    """A new folder that only this user may enter, in ``parent`` (which must exist) or TMPDIR's."""
    folder = (parent or Path(tempfile.gettempdir())) / f"{prefix}{secrets.token_hex(8)}"
    _listed.add(folder)
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder)


@atexit.register
def remove_listed() -> None:
    """What an interrupt kept from being removed; a second one does not interrupt this."""
    if not _listed:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for folder in tuple(_listed):
        _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # what others put there may have folders that cannot be written to
        for base, names, _ in os.walk(folder):
            for path in (Path(base), *(Path(base, name) for name in names)):
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
    _listed.discard(folder)
