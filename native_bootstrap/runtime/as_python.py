"""The program in place of `python`: `bootstrap -c CODE`, `bootstrap -m MODULE`.

`sys.executable` is the bootstrap, and programs start it as an interpreter: `multiprocessing` does
for its spawn and fork-server methods and its resource tracker. Such a child must not speak to the
Runtime API.
"""

from __future__ import annotations

import sys

from native_bootstrap.runtime import faults

_WITH_VALUE = ("-W", "-X")


def main(arguments: list[str]) -> int:
    """Run what a `python` command line says; options that concern the interpreter do not count."""
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option in ("-c", "-m") and rest:
            return _run(option, rest.pop(0), rest)
        if option in _WITH_VALUE and rest:
            rest.pop(0)
        elif not option.startswith("-"):
            return _run("", option, rest)
    raise faults.exit_with(f"this option means nothing here: {arguments[0]}")


def _run(option: str, target: str, rest: list[str]) -> int:
    if option == "-c":
        sys.argv = ["-c", *rest]
        exec(compile(target, "<string>", "exec"), sys.modules["__main__"].__dict__)  # noqa: S102
        return 0
    import runpy  # lazy: only for children

    sys.argv = [target, *rest]
    if option == "-m":
        runpy.run_module(target, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(target, run_name="__main__")
    return 0
