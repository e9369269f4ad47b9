"""The exact JSON encoder: every rule of the reference client's simplejson setup, in plain Python.

Rules the standard encoder lacks: Decimal is a number literal; an object with `_asdict()`
(namedtuple) is an object; bytes are UTF-8 strings, as values and as keys.
"""

from __future__ import annotations

import sys
from _json import encode_basestring, encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def encode(value: object, *, compact: bool = False) -> str:
    """The value as JSON text; TypeError and ValueError in simplejson's words."""
    parts: list[str] = []
    _Writer(parts.append, encode_basestring, "" if compact else " ").write(value)
    return "".join(parts)


def encode_ascii(value: object) -> str:
    """The same, with everything beyond ASCII escaped: lone surrogates survive UTF-8 this way."""
    parts: list[str] = []
    _Writer(parts.append, encode_basestring_ascii, " ").write(value)
    return "".join(parts)


class _Writer:
    def __init__(
        self, emit: Callable[[str], None], quote: Callable[[str], str], space: str
    ) -> None:
        self._emit = emit
        self._quote = quote
        self._comma, self._colon = f",{space}", f":{space}"
        self._open: set[int] = set()  # ids of the containers being written, to find cycles

    def write(self, value: object) -> None:
        if isinstance(value, str):
            self._emit(self._quote(value))
        elif isinstance(value, bytes):
            self._emit(self._quote(str(value, "utf-8")))
        elif value is None:
            self._emit("null")
        elif value is True:
            self._emit("true")
        elif value is False:
            self._emit("false")
        elif isinstance(value, int):
            self._emit(int.__repr__(int(value)))
        elif isinstance(value, float):
            self._emit(_float(value))
        else:
            self._write_container(value)

    def _write_container(self, value: object) -> None:
        if id(value) in self._open:
            raise ValueError("Circular reference detected")
        as_dict = _as_dict(value)
        self._open.add(id(value))
        if as_dict is not None:
            self._write_dict(as_dict)
        elif isinstance(value, (list, tuple)):
            self._write_list(value)
        elif isinstance(value, dict):
            self._write_dict(value)
        else:
            self._emit(_number_or_refuse(value))
        self._open.discard(id(value))

    def _write_list(self, items: list[object] | tuple[object, ...]) -> None:
        if not items:
            self._emit("[]")
            return
        separator = "["
        for item in items:
            self._emit(separator)
            self.write(item)
            separator = self._comma
        self._emit("]")

    def _write_dict(self, items: dict[object, object]) -> None:
        if not items:
            self._emit("{}")
            return
        separator = "{"
        for key, item in items.items():
            self._emit(separator)
            self._emit(self._quote(_key(key)))
            self._emit(self._colon)
            self.write(item)
            separator = self._comma
        self._emit("}")


def _as_dict(value: object) -> dict[object, object] | None:
    method = getattr(value, "_asdict", None)
    if not callable(method):
        return None
    try:
        result = method()
    except TypeError:  # a class, or a method with arguments: not a namedtuple's
        return None
    if not isinstance(result, dict):
        raise TypeError(f"_asdict() must return a dict, not {type(result).__name__}")
    return result


def _number_or_refuse(value: object) -> str:
    # Nobody can hold a Decimal without its module having been imported, so none is imported here.
    for name in ("decimal", "_pydecimal"):
        module = sys.modules.get(name)
        if module is not None and isinstance(value, module.Decimal):
            return "NaN" if value.is_nan() else str(value)
    # Nuitka's generators and functions have types of their own; their users wrote the plain ones.
    name = value.__class__.__name__.removeprefix("compiled_")
    raise TypeError(f"Object of type {name} is not JSON serializable")


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bytes):
        return str(key, "utf-8")
    if isinstance(key, float):
        return _float(key)
    if key is True:
        return "true"
    if key is False:
        return "false"
    if key is None:
        return "null"
    if isinstance(key, int):
        return int.__repr__(int(key))
    raise TypeError(f"keys must be str, int, float, bool or None, not {key.__class__.__name__}")


def _float(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float.__repr__(float(value))
