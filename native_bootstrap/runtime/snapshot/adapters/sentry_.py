"""sentry_sdk: `init()` at import. Its threads begin with the first event, and survive a fork.

The client has this machine's name, and no release of a git repository: a function is none.
"""

from __future__ import annotations

import sys
import time
import weakref

from native_bootstrap.runtime.snapshot import adapters
from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_patches = Patches()
_named: list[dict[str, Any]] = []  # options with the build's host name
_transports: list[weakref.ref[Any]] = []


def prepare() -> None:
    modules: Any = sys.modules
    try:
        _patches.replace(modules["sentry_sdk.utils"], "get_git_revision", lambda _: _no_revision)
        _patches.replace(modules["sentry_sdk.client"], "get_options", _noting_name)
        _patches.replace(modules["sentry_sdk.client"], "make_transport", _noting_transport)
    except (AttributeError, KeyError) as error:
        raise adapters.Refused(f"a sentry_sdk without {error}") from None


def freeze() -> None:
    _patches.undo()


def restore() -> None:
    for options in _named:
        options["server_name"] = sys.modules["socket"].gethostname()
    for reference in _transports:
        transport = reference()
        if transport is not None:
            transport._last_client_report_sent = time.time()  # noqa: SLF001


def _no_revision() -> None:
    return None


def _noting_name(original: Any) -> Any:
    def get_options(*arguments: Any, **given: Any) -> Any:
        with adapters.care("sentry"):
            options = original(*arguments, **given)
        asked = {**(arguments[-1] if isinstance(arguments[-1:], dict) else {}), **given}
        if asked.get("server_name") is None:
            _named.append(options)
        return options

    return get_options


def _noting_transport(original: Any) -> Any:
    def make_transport(options: Any) -> Any:
        with adapters.care("sentry"):
            transport = original(options)
        if hasattr(transport, "_last_client_report_sent"):
            _transports.append(weakref.ref(transport))
        return transport

    return make_transport
