"""Library functions that go through all environment variables, but look for some of them only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
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
    """networkx's: NETWORKX_BACKEND_PRIORITY_ and a name of its configuration."""
    return [f"NETWORKX_BACKEND_PRIORITY_{kind}" for kind in ("ALGOS", "GENERATORS", "CLASSES")]


_FUNCTIONS = {
    ("networkx.utils.backends", "_set_configs_from_environment"): _priorities,
    ("urllib.request", "getproxies_environment"): _proxies,
    ("dotenv.main", "resolve_variables"): _interpolated,
}


def names(frame: FrameType | None) -> Iterable[str] | None:
    """The variables that the innermost such function looks for; None: all of them."""
    while frame is not None:
        module = frame.f_globals.get("__name__")
        function = _FUNCTIONS.get((module, frame.f_code.co_name))  # type: ignore[arg-type]
        if function is not None:
            return function(frame)
        frame = frame.f_back
    return None
