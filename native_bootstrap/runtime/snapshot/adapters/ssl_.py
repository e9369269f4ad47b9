"""ssl: contexts made at import trust what the running machine trusts.

Loading the default certificates is put off to the first use of the context: then they are this
machine's, and a start does not pay for reading them. Session ticket keys and OpenSSL's generators
are renewed by the C core (nb_rekey.c).
"""

from __future__ import annotations

import sys
import weakref

from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Whatever looks at the certificates goes through one of these.
_USES = ("_wrap_socket", "_wrap_bio", "cert_store_stats", "get_ca_certs")

_patches = Patches()
_contexts: list[weakref.ref[Any]] = []


def prepare() -> None:
    module: Any = sys.modules["ssl"]
    _patches.replace(module.SSLContext, "set_default_verify_paths", _putting_off)


def freeze() -> None:
    _patches.undo()
    for reference in _contexts:
        context = reference()
        if context is not None:
            vars(context).update((name, _first(reference, name)) for name in _USES)
    _contexts.clear()


def _putting_off(_: Any) -> Any:
    def set_default_verify_paths(self: Any) -> None:
        if not any(reference() is self for reference in _contexts):
            _contexts.append(weakref.ref(self))

    return set_default_verify_paths


def _first(reference: weakref.ref[Any], name: str) -> Any:
    def use(*arguments: Any, **options: Any) -> Any:
        context: Any = reference()
        # Another thread may be here, too: nobody passes before they are loaded.
        context.set_default_verify_paths()
        for attribute in _USES:
            vars(context).pop(attribute, None)
        return getattr(context, name)(*arguments, **options)

    return use
