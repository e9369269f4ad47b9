"""Who holds a text: a search through all objects, as a last check that nobody has kept one."""

from __future__ import annotations

import gc
import sys

_OURS = __name__.rpartition(".")[0]
_DEEP = 8  # containers in containers
_FAR = 50  # objects; looking for the owners of one takes tenths of a second


def holders(text: str) -> list[str]:
    """Names like ``app.CONSTANT`` of what holds a string with `text` in it.

    Caches of functions are emptied instead. Constants of code, and what C code keeps to itself, are
    not looked into.
    """
    _empty_caches(text)
    return sorted({_name(holder, value) for holder, value in _find(text)} - {""})


def _empty_caches(text: str) -> None:
    for holder, _ in _find(text):
        if hasattr(holder, "cache_clear"):
            holder.cache_clear()


def _find(text: str) -> list[tuple[object, str]]:
    """Holders and strings. No generator: such a one would find itself."""
    found: list[tuple[object, str]] = []
    for holder in gc.get_objects():
        for value in gc.get_referents(holder):
            if isinstance(value, str):
                if text in value:
                    found.append((holder, value))
            elif not gc.is_tracked(value):
                found += [(holder, inner) for inner in _inside(value, 0) if text in inner]
    return found


def _inside(value: object, depth: int) -> list[str]:
    """Strings in a container that the collector does not know, as it can be in no cycle."""
    if depth == _DEEP or not isinstance(value, (dict, tuple)):
        return []
    strings: list[str] = []
    for inner in gc.get_referents(value):
        strings += [inner] if isinstance(inner, str) else _inside(inner, depth + 1)
    return strings


def _name(holder: object, value: str) -> str:
    """By which module, under which name, the holder can be reached; "" for one of ours."""
    spaces = {id(vars(module)): name for name, module in list(sys.modules.items())}
    pending, seen = [(holder, "")], {id(holder)}
    for target, path in pending:
        module = spaces.get(id(target))
        if module is not None:
            name = path or next((k for k, v in vars(sys.modules[module]).items() if v == value), "")
            return "" if module.startswith(_OURS) else f"{module}.{name}"
        if len(pending) > _FAR:
            break
        for owner in gc.get_referrers(target):
            if id(owner) in seen or owner is pending or type(owner).__name__ == "frame":
                continue
            seen.add(id(owner))
            key = ""
            if id(owner) in spaces and isinstance(owner, dict):
                key = next((str(k) for k, v in owner.items() if v is target), "")
            pending.append((owner, key or path))
    return f"a {type(holder).__name__}"
