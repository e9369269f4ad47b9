"""Handlers that the build runs in a process begun from a fresh image, to try it.

`_HANDLER` names one of them then; the function's own handler is not called.
"""

from __future__ import annotations

import sys


def echo(event: object, context: object) -> object:  # noqa: ARG001
    """A whole invocation, with nothing of the function's in it."""
    return event


def draw(event: object, context: object) -> dict[str, str]:  # noqa: ARG001
    """One value from every source of randomness that the image has. No two processes may agree.

    A generator that the function itself has given a seed is no such source.
    """
    import os

    found = {"os.urandom": os.urandom(16).hex()}
    modules = {name: module for name, module in sys.modules.items() if _is_standard(module)}
    if "random" in modules and not _has_own_seed("random_"):
        found["random"] = repr(modules["random"].random())
    if "uuid" in modules:
        found["uuid4"] = str(modules["uuid"].uuid4())
        found["uuid1"] = str(modules["uuid"].uuid1())
    if "secrets" in modules:
        found["secrets"] = modules["secrets"].token_hex(16)
    if "ssl" in modules:
        found["ssl.RAND_bytes"] = modules["ssl"].RAND_bytes(16).hex()
    if "tempfile" in modules:
        found["tempfile"] = next(modules["tempfile"]._get_candidate_names())  # noqa: SLF001
    if "numpy.random" in sys.modules and not _has_own_seed("numpy_random"):
        found["numpy.random"] = repr(sys.modules["numpy.random"].random())
    return found


def _is_standard(module: object) -> bool:
    """Not a secrets.py of the function's own."""
    return str(getattr(module, "__file__", "")).startswith(f"{sys.prefix}/lib/")


def _has_own_seed(adapter: str) -> bool:
    module = sys.modules.get(f"{__name__.rpartition('.')[0]}.adapters.{adapter}")
    return module is not None and bool(module.has_own_seed())
