"""Each function without an underscore is a check: it asserts, and returns something to compare."""

import types


def names_of(namespace):
    """The checks of a module."""
    return [
        name
        for name, value in namespace.items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", "") == namespace["__name__"]
        and isinstance(value, types.FunctionType)
    ]
