"""Events as dataclasses: JSON in, typed values to the handler, dataclasses back to JSON."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import types
import typing
from collections.abc import Mapping, Sequence

from native_bootstrap.runtime import faults

if typing.TYPE_CHECKING:
    from native_bootstrap.runtime.wrappers import Handler


def wrap(handler: Handler, event: type | None) -> Handler:
    """A handler on plain JSON values around one on dataclasses."""
    expected: object = event if event is not None else _annotated_event(handler)

    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def call_async(value: object, context: object) -> object:
            return plain(await handler(build(expected, value, "event"), context))

        return call_async

    @functools.wraps(handler)
    def call(value: object, context: object) -> object:
        return plain(handler(build(expected, value, "event"), context))

    return call


def _annotated_event(handler: Handler) -> object:
    for name in inspect.signature(handler).parameters:
        hint = typing.get_type_hints(handler).get(name)
        if hint is not None:
            return hint
        break
    raise TypeError(f"typed: the first parameter of {handler!r} has no annotation; give event=…")


def build(expected: object, value: object, where: str) -> object:
    """`value` (from JSON) as `expected`; a `Fault` says where the event does not fit."""
    if expected in (typing.Any, object):
        return value
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin in (typing.Union, types.UnionType):
        return _build_union(arguments, value, where)
    if origin is typing.Literal:
        if value in arguments:
            return value
        raise _misfit(expected, value, where)
    if origin is not None:
        return _build_collection(origin, arguments, value, where)
    if dataclasses.is_dataclass(expected) and isinstance(expected, type):
        return _build_dataclass(expected, value, where)
    if isinstance(expected, type):
        return _build_plain(expected, value, where)
    raise TypeError(f"typed: {expected!r} is not supported at {where}")


def _build_dataclass(expected: type, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise _misfit(expected, value, where)
    hints = typing.get_type_hints(expected)
    arguments = {}
    for field in dataclasses.fields(expected):
        if not field.init:
            continue
        if field.name in value:
            arguments[field.name] = build(
                hints[field.name], value[field.name], f"{where}.{field.name}"
            )
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise faults.Fault(faults.UNMARSHAL_ERROR, f"Unable to unmarshal input: {where}."
                               f"{field.name} is missing")  # fmt: skip
    return expected(**arguments)


def _build_union(choices: tuple[object, ...], value: object, where: str) -> object:
    for choice in choices:
        if choice is type(None):
            if value is None:
                return None
            continue
        try:
            return build(choice, value, where)
        except faults.Fault:
            continue
    raise faults.Fault(
        faults.UNMARSHAL_ERROR,
        f"Unable to unmarshal input: {where} fits none of "
        + ", ".join(getattr(choice, "__name__", repr(choice)) for choice in choices),
    )


def _build_collection(
    origin: object, arguments: tuple[object, ...], value: object, where: str
) -> object:
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, dict):
        item = arguments[1] if len(arguments) > 1 else object
        return {key: build(item, entry, f"{where}.{key}") for key, entry in value.items()}
    if origin is tuple and isinstance(value, list):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(build(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
        if len(arguments) == len(value):
            pairs = zip(arguments, value, strict=True)
            return tuple(build(a, v, f"{where}[{i}]") for i, (a, v) in enumerate(pairs))
    elif isinstance(origin, type) and isinstance(value, list):
        item = arguments[0] if arguments else object
        items = [build(item, entry, f"{where}[{i}]") for i, entry in enumerate(value)]
        if issubclass(origin, (set, frozenset)):
            return origin(items)
        if issubclass(list, origin) or issubclass(origin, Sequence):
            return items
    raise _misfit(origin, value, where)


def _build_plain(expected: type, value: object, where: str) -> object:
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, expected) and (expected is not int or not isinstance(value, bool)):
        return value
    if issubclass(expected, enum.Enum):
        try:
            return expected(value)
        except ValueError:
            raise _misfit(expected, value, where) from None
    parse = getattr(expected, "fromisoformat", None)  # datetime, date, time
    if (parse is not None or expected.__name__ in ("Decimal", "UUID")) and isinstance(
        value, (str, int)
    ):
        try:
            return parse(value) if parse is not None else expected(value)  # type: ignore[call-arg]
        except (ValueError, ArithmeticError, AttributeError, TypeError):
            raise _misfit(expected, value, where) from None
    raise _misfit(expected, value, where)


def _misfit(expected: object, value: object, where: str) -> faults.Fault:
    name = getattr(expected, "__name__", repr(expected))
    return faults.Fault(
        faults.UNMARSHAL_ERROR,
        f"Unable to unmarshal input: {where} should be {name}, not {type(value).__name__}",
    )


def plain(value: object) -> object:
    """`value` with every dataclass turned into a dict, so that the serializer can write it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if type(value) is dict:
        return {key: plain(entry) for key, entry in value.items()}
    if type(value) in (list, tuple):
        return [plain(entry) for entry in value]  # type: ignore[attr-defined]
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if type(value).__name__ == "UUID":
        return str(value)
    return value
