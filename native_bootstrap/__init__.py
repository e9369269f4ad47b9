"""One static native `bootstrap` from a Python Lambda handler.

Every name is resolved on first use: this file is imported on the start path of every function, so
it may cost nothing (PEP 562 lazy attributes instead of imports).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from native_bootstrap.runtime.api import Invocation, RuntimeApiClient, RuntimeApiError
    from native_bootstrap.runtime.bootstrap import LambdaBootstrap
    from native_bootstrap.runtime.context import LambdaContext
    from native_bootstrap.runtime.serializer import JsonSerializer, RawSerializer, Serializer
    from native_bootstrap.runtime.snapshot.adapters import register_adapter
    from native_bootstrap.runtime.snapshot.hooks import (
        register_after_restore,
        register_before_snapshot,
    )
    from native_bootstrap.runtime.wrappers import raw, typed

__version__ = "0.1.0"

__all__ = [
    "Invocation",
    "JsonSerializer",
    "LambdaBootstrap",
    "LambdaContext",
    "RawSerializer",
    "RuntimeApiClient",
    "RuntimeApiError",
    "Serializer",
    "__version__",
    "raw",
    "register_adapter",
    "register_after_restore",
    "register_before_snapshot",
    "typed",
]

_HOMES = {
    "Invocation": "api",
    "JsonSerializer": "serializer",
    "LambdaBootstrap": "bootstrap",
    "LambdaContext": "context",
    "RawSerializer": "serializer",
    "RuntimeApiClient": "api",
    "RuntimeApiError": "api",
    "Serializer": "serializer",
    "raw": "wrappers",
    "register_adapter": "snapshot.adapters",
    "register_after_restore": "snapshot.hooks",
    "register_before_snapshot": "snapshot.hooks",
    "typed": "wrappers",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.runtime.{home}", fromlist=[name])
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
