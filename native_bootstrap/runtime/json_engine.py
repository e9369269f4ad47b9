"""orjson, where the program has it and once it is worth its start; else the standard library works.

A bootstrap says which one it has (`_nb_archive.info("json")`): the file of a copy for the runtime
alone, or "orjson", the project's own. In an image it is there from the start. Without one, the
standard library does the first bytes: about as many as cost what loading costs.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_OWN = "orjson"
_PRIVATE_COST = 64 * 1024  # bytes of JSON; loading takes 0.6 ms, a KB is 10 µs less to read
_OWN_COST = 1024 * 1024  # it imports dataclasses, uuid and others: 12 ms

# Set by `load`: orjson's functions, and the module through which they are called.
checked: ModuleType | None = None
module: Any = None  # kept: orjson's functions do not keep it, nor what they use of it
loads: Any = None
dumps: Any = None
_left: float = 0  # bytes that the standard library may still do


def done(size: int) -> None:
    """The standard library has read or written so many bytes, or is about to."""
    global _left  # noqa: PLW0603 - one per process, as the engine itself
    _left -= size
    if _left < 0:
        load()


def prepare() -> None:
    """In an image: load now. A copy of the project's own is not imported ahead of the project."""
    if _name() != _OWN or _OWN in sys.modules:
        load()


def load() -> None:
    """Use orjson from now on, if there is one."""
    global _left  # noqa: PLW0603
    _left = float("inf")
    name = _name()
    if not name:
        return
    try:
        use(_import_own() if name == _OWN else _load_private(name))
    except ImportError as error:
        sys.stderr.write(
            f"native-bootstrap: orjson cannot be loaded ({error}); events and responses are read "
            "and written by the standard library\n"
        )


def use(found: Any) -> None:
    """Read and write with the functions of this module from now on."""
    global checked, module, loads, dumps
    import _nb_json

    checked, module, loads, dumps = _nb_json, found, found.loads, found.dumps


def _name() -> str:
    """The file relative to the task root, "orjson", or "": none."""
    if "_nb_json" not in sys.builtin_module_names:
        return ""
    import _nb_archive

    return _nb_archive.info("json") or ""


def _import_own() -> object:
    import orjson

    return orjson


def _load_private(path: str) -> object:
    from native_bootstrap.runtime import importer, json_private  # lazy: once

    return json_private.load(f"{importer.TASK_ROOT}/{path}")


_left = {"": float("inf"), _OWN: _OWN_COST}.get(_name(), _PRIVATE_COST)
