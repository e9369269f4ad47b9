"""Loads the runtime's own copy of orjson, under no name that anybody could import.

orjson looks up types of seven modules of the standard library when it starts: 10 to 20 ms for what
an event or a response never holds (`_nb_json` lets only plain types through). For that moment there
are stand-ins for those of the modules that the function has not imported itself: 0.6 ms.
"""

from __future__ import annotations

import _imp
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_NAME = "native_bootstrap.runtime.orjson"  # the last part says how its init function is called


class _Meta(type):
    """In place of `enum.EnumMeta`."""


class _Type:
    """In place of types that are compared with those of values."""


class _DecodeError(ValueError):
    """In place of `json.JSONDecodeError`, which orjson's own error is derived from."""


def load(file: str) -> ModuleType:
    """The module from `file`; ImportError if it cannot be loaded."""
    names = _stand_ins() if _is_alone() else {}
    spec = type(sys.__spec__)(_NAME, None, origin=file)
    sys.modules.update(names)
    try:
        module: ModuleType = _imp.create_dynamic(spec)
        _imp.exec_dynamic(module)
    finally:
        for name in names:
            del sys.modules[name]
    return module


def _is_alone() -> bool:
    """False if another thread could import a stand-in."""
    return len(sys._current_frames()) == 1  # noqa: SLF001


def _stand_ins() -> dict[str, ModuleType]:
    import _datetime  # type: ignore[import-not-found]  # builtin; the module `datetime` is only another name for it

    found = {
        "datetime": _datetime,
        "dataclasses": _module(_FIELD=_Type()),
        "enum": _module(EnumMeta=_Meta, EnumType=_Meta),
        "json": _module(JSONDecodeError=_DecodeError),
        "uuid": _module(UUID=_Type, NAMESPACE_DNS=_Type()),
        "zoneinfo": _module(ZoneInfo=_Type),
    }
    return {name: module for name, module in found.items() if name not in sys.modules}


def _module(**names: object) -> ModuleType:
    module: ModuleType = type(sys)("stand-in")
    vars(module).update(names)
    return module
