"""Library functions that go through all environment variables, but look for some of them only.

Each row gives their names, or patterns of them (names.py).
"""

from __future__ import annotations

from native_bootstrap.runtime.snapshot import settings_fields
from native_bootstrap.runtime.snapshot.names import ANY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

_SCHEMES = ("http", "https", "ftp", "all", "no", "ws", "wss", "socks")


def _proxies(frame: FrameType) -> Iterable[str]:  # noqa: ARG001
    """urllib's: whatever ends in _proxy; these are in use."""
    return [name for s in _SCHEMES for name in (f"{s}_proxy", f"{s.upper()}_PROXY")]


def _interpolated(frame: FrameType) -> Iterable[str]:
    """python-dotenv's: what a value names as ${NAME} or ${NAME:-default}, one value at a time.

    From the text: its `atoms` are a generator, which is the package's to use.
    """
    parts = str(frame.f_locals.get("value", "")).split("${")[1:]
    return [part.partition("}")[0].partition(":")[0] for part in parts]


def _priorities(frame: FrameType) -> Iterable[str]:  # noqa: ARG001
    """networkx's: the priorities of its backends."""
    return [f"NETWORKX_BACKEND_PRIORITY{ANY}"]


def _protocols(frame: FrameType) -> Iterable[str]:  # noqa: ARG001
    """fsspec's: settings of file systems, and a warning of what only begins like one."""
    return [f"FSSPEC{ANY}"]


def _arguments(frame: FrameType) -> Iterable[str]:
    """tqdm's: TQDM_ and the name of a function's argument."""
    return [f"{frame.f_locals['prefix']}{ANY}"]


_FUNCTIONS = {
    ("fsspec.config", "set_conf_env"): _protocols,
    ("networkx.utils.backends", "_set_configs_from_environment"): _priorities,
    ("urllib.request", "getproxies_environment"): _proxies,
    ("dotenv.main", "resolve_variables"): _interpolated,
    ("pydantic_settings.sources", "_load_env_vars"): settings_fields.variables,  # before 2.8
    ("pydantic_settings.sources.providers.env", "_load_env_vars"): settings_fields.variables,
    ("tqdm.utils", "envwrap"): _arguments,
}


# `dict(os.environ)` comes first: each value is read one by one, whatever becomes of it.
_COPYING = (("fsspec.config", "set_conf_env"),)


def names(frame: FrameType | None) -> Iterable[str] | None:
    """The variables that the innermost such function looks for; None: all of them."""
    for place, inner in _functions(frame):
        if place in _FUNCTIONS:
            return _FUNCTIONS[place](inner)
    return None


def is_copying(frame: FrameType | None) -> bool:
    """Whether a value is read only because it is one of all."""
    return any(place in _COPYING for place, _ in _functions(frame))


def _functions(frame: FrameType | None) -> Iterator[tuple[tuple[str, str], FrameType]]:
    while frame is not None:
        yield (str(frame.f_globals.get("__name__")), frame.f_code.co_name), frame
        frame = frame.f_back
