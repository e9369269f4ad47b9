"""Copied into every function that ``compatibility.py`` builds; its app.py holds the imports.

A case that cannot be imported is told of, and the others go on.
"""

import sys
import traceback
from importlib.machinery import ExtensionFileLoader

CASES, FAILED = {}, {}


def failed(name):
    FAILED[name] = traceback.format_exc(limit=-4)


def answer(name):
    """One case: whether it could be imported, what it answered and should have."""
    if name in FAILED:
        return {"imports": False, "error": FAILED[name]}
    try:
        got = CASES[name].use()
    except Exception:
        return {"imports": True, "error": traceback.format_exc(limit=-4)}
    return {"imports": True, "got": got, "expected": CASES[name].EXPECTED, "native": native()}


def native():
    """How many extension modules this process has imported."""
    specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
    loaders = (getattr(spec, "loader", None) for spec in specs)
    return sum(isinstance(loader, ExtensionFileLoader) for loader in loaders)
