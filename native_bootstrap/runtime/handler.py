"""From a handler's name to the function: `module.function`, `pkg/mod.function`."""

from __future__ import annotations

import sys

from native_bootstrap.runtime import faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Handler = Callable[[object, object], object]


def resolve(name: str) -> Handler:
    """Import the handler's module and return the handler.

    Raises `Fault` for the five cases the Runtime API has names for, and whatever else the module
    raises.
    """
    module_name, function_name = split(name)
    try:
        module = _import(module_name)
    except ImportError as error:
        raise faults.Fault(
            faults.IMPORT_MODULE_ERROR, f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        raise faults.Fault(
            faults.USER_CODE_SYNTAX_ERROR,
            f"Syntax error in module '{module_name}': {error}",
            [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'],
        ) from error
    try:
        handler: Handler = getattr(module, function_name)
    except AttributeError as error:
        raise faults.Fault(
            faults.HANDLER_NOT_FOUND,
            f"Handler '{function_name}' missing on module '{module_name}'",
        ) from error
    return handler


def split(name: str) -> tuple[str, str]:
    """Split at the last dot; a name without one is malformed, in the reference client's words."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise faults.Fault(
            faults.MALFORMED_HANDLER_NAME,
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    return module_name, function_name


def _import(name: str) -> ModuleType:
    if name.split(".", maxsplit=1)[0] in sys.builtin_module_names:
        raise faults.Fault(
            faults.BUILT_IN_MODULE_CONFLICT,
            f"Cannot use built-in module {name} as a handler module",
        )
    dotted = name.replace("/", ".")
    if dotted.startswith("."):
        raise TypeError(
            "the 'package' argument is required to perform a relative import for " + repr(dotted)
        )
    # `__import__` instead of `importlib.import_module`: no import of importlib, and the interpreter
    # itself takes the import system's frames out of tracebacks on this way.
    __import__(dotted)
    return sys.modules[dotted]
