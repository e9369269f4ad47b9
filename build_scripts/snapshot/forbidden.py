"""What of the build machine an image must not hold, and by which rules it is looked for.

* Folders (the project's, the user's, Python's, the cache's …) with everything below them, unless
  they are in the clean room as well. One directly below the root (``/root``, ``/app``) says little:
  it counts where the path that was found exists on this machine.
* The names of user and machine, as whole words: from 6 characters on (6 given ones are in 100 MB of
  noise once in a million times), and unless half of all machines have that name.
* Values of the builder's environment longer than 12 characters, unless the program was given them.
  Values that are paths only are left to the folders.
* Text of the shape of a key (resources/secrets.toml).

Python keeps a text with one, two or four bytes for each character: all are looked for.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from build_scripts import cache, resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-32-le")
IN_THE_ROOM = (
    *("/", "/bin", "/dev", "/etc", "/home", "/lib", "/nb", "/opt", "/proc", "/sbin", "/sys"),
    *("/tmp", "/usr", "/usr/local", "/var", "/var/tmp", "/var/task", "/var/runtime"),  # noqa: S108
)
SHORTEST_NAME = 6
COMMON_NAMES = (
    *("azureuser", "builder", "centos", "circleci", "codespace", "container", "debian", "default"),
    *("developer", "docker", "ec2-user", "fedora", "github", "gitlab", "jenkins", "lambda"),
    *(
        "localhost",
        "nobody",
        "python",
        "runner",
        "service",
        "travis",
        "ubuntu",
        "vagrant",
        "vscode",
    ),
)
SHORTEST_VALUE = 13
LONGEST_NEEDLE = 256  # characters: a longer value is found by its beginning
NAME_CHARACTERS = "[A-Za-z0-9_-]"
PATH_CHARACTERS = "[^\\x00-\\x20\"'<>|:;,()\\x7f-\\xff]"


@dataclass(frozen=True, kw_only=True)
class Needle:
    """Something to look for. ``label`` takes the place of a secret ``text`` in messages.

    ``must_exist``: only where what is found is a path of this machine.
    """

    kind: str
    text: str
    label: str = ""
    is_word: bool = False
    is_folder: bool = False
    must_exist: bool = False

    def encoded(self, encoding: str) -> bytes:
        """Empty where the encoding has no such characters."""
        errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
        try:
            return self.text.encode(encoding, errors)
        except UnicodeEncodeError:
            return b""

    def after(self, encoding: str) -> bytes:
        """A regular expression for what may follow the text; of a path, the rest of it."""
        name, path = _one(NAME_CHARACTERS, encoding), _one(PATH_CHARACTERS, encoding)
        if self.is_word:
            text = re.escape(self.encoded(encoding))
            return b"(?!" + name + b")(?<!" + name + text + b")"
        if self.is_folder:
            return b"(?!" + name + b")(?:" + path + b"){0,400}"
        return b""


@dataclass(frozen=True, kw_only=True)
class Forbidden:
    """What to look for. What is found and stands in ``own``, files or folders of the user, is told;

    what stands in ``inputs``, those of others that the program is made from, is no finding.
    """

    needles: tuple[Needle, ...]
    keys: tuple[tuple[str, str], ...]
    own: tuple[Path, ...] = ()
    inputs: tuple[Path, ...] = ()


def _one(characters: str, encoding: str) -> bytes:
    """A class of ASCII characters as it is in ``encoding``."""
    return characters.encode() + b"\\x00" * (len("x".encode(encoding)) - 1)


def forbid(
    *,
    folders: Iterable[Path],
    environ: Mapping[str, str],
    room: Mapping[str, str],
    own: Iterable[Path] = (),
    inputs: Iterable[Path] = (),
) -> Forbidden:
    """Of this machine: ``folders`` (the project's, scratch folders …) besides the usual ones, and

    the builder's ``environ`` but what the program has been given in its own, ``room``.
    """
    needles = [
        *folder_needles([*folders, *_usual_folders()]),
        *_names(),
        *values(environ, room),
    ]
    return Forbidden(
        needles=tuple(dict.fromkeys(needles)),
        keys=tuple((row["kind"], row["regex"]) for row in resources.load("secrets")["pattern"]),
        own=tuple(own),
        inputs=tuple(inputs),
    )


def _usual_folders() -> list[Path]:
    ours = Path(__file__).parents[2]
    python = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix)]
    return [Path.home(), cache.root(), Path(tempfile.gettempdir()), ours, *python]


def folder_needles(folders: Iterable[Path]) -> list[Needle]:
    """As they are named, and as they are without symbolic links."""
    names = {name for folder in folders for name in (str(folder.absolute()), str(folder.resolve()))}
    return [
        Needle(
            kind="folder of this machine",
            text=name,
            is_folder=True,
            must_exist=name.count("/") == 1,
        )
        for name in sorted(names)
        if name not in IN_THE_ROOM and not name.startswith("/var/task/")
    ]


def _names() -> list[Needle]:
    found = [("name of this machine", socket.gethostname())]
    with suppress(OSError, KeyError, ImportError):
        found.append(("name of this user", getpass.getuser()))
    return [Needle(kind=kind, text=name, is_word=True) for kind, name in found if is_telling(name)]


def is_telling(name: str) -> bool:
    """Whether a text with ``name`` in it is likely to mean this machine or this user."""
    return len(name) >= SHORTEST_NAME and name.lower() not in COMMON_NAMES


def values(environ: Mapping[str, str], room: Mapping[str, str]) -> list[Needle]:
    """The values of ``environ`` that the program has no business to know."""
    given = "\0".join(room.values())
    return [
        Needle(kind="environment", text=value[:LONGEST_NEEDLE], label=f"the value of {name}")
        for name, value in sorted(environ.items())
        if len(value) >= SHORTEST_VALUE and value not in given and not _is_paths(value)
    ]


def _is_paths(value: str) -> bool:
    return all(os.path.isabs(part) or not part for part in value.split(os.pathsep))  # noqa: PTH117
