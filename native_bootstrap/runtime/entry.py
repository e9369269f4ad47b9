"""The compiled program's main; the C core calls one of these once the interpreter and the importer
are up: `main` for a normal start; `initialise`, once, at build time, and then `resume` at every
start."""

from __future__ import annotations

import builtins
import posix
import sys

import _nb_archive

from native_bootstrap.runtime import loop, sources, watch
from native_bootstrap.runtime.api import RuntimeApiClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# What people write into Lambda's handler field for an OS-only runtime, where it means nothing.
_PLACEHOLDER = "bootstrap"

# The runtime that the image holds: set at build time, used by every restored process.
_initialised: loop.Runtime | None = None


class _Quitter:
    """`exit` and `quit`, which `site` defines elsewhere; the real thing is imported when used."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Use {self.name}() or Ctrl-D (i.e. EOF) to exit"

    def __call__(self, code: str | int | None = None) -> None:
        import _sitebuiltins  # lazy: hardly anybody calls these

        _sitebuiltins.Quitter(self.name, "Ctrl-D (i.e. EOF)")(code)


def main(arguments: list[str]) -> int:
    """A normal start. The exit code is the caller's to use; SystemExit passes through."""
    _prepare()
    if arguments and arguments[0].startswith("-"):
        from native_bootstrap.runtime import as_python  # lazy: only children are started so

        return as_python.main(arguments)
    name = loop.choose_handler(arguments, _nb_archive.default_handler(), _PLACEHOLDER)
    loop.run(RuntimeApiClient(), name, None)
    return 0


def initialise(arguments: list[str]) -> bool:
    """At build time: all that a start does before it asks for an event. True if it may be dumped.

    `arguments`: the plan's file (snapshot/initialise.py).
    """
    import gc  # lazy, as the next ones: at build time only

    import _nb_client  # noqa: F401 - every start needs it

    from native_bootstrap.runtime import json_engine
    from native_bootstrap.runtime.snapshot import initialise as once
    from native_bootstrap.runtime.snapshot import rehearsal

    global _initialised  # noqa: PLW0603 - what survives in the image
    _prepare()
    _initialised = loop.Runtime(None)
    if not once.run(arguments[0], _initialised.load):
        return False
    json_engine.prepare()
    rehearsal.run(_initialised, take_up)
    posix.environ.clear()  # a start fills it: nothing there to be freed first
    gc.collect()
    gc.freeze()
    return True


def resume(arguments: list[str]) -> int:
    """The start of a process that was initialised at build time."""
    from native_bootstrap.runtime.snapshot import hooks  # in the image

    assert _initialised is not None
    take_up(_initialised, arguments, hooks.run_after_restore)
    _initialised.serve()
    return 0


def take_up(runtime: loop.Runtime, arguments: list[str], after_restore: Callable[[], None]) -> None:
    """Everything in a restored process before its first event."""
    from native_bootstrap.runtime.snapshot import restore  # in the image

    restore.thaw(arguments)
    name = loop.choose_handler(arguments, _nb_archive.default_handler(), _PLACEHOLDER)
    runtime.resume(RuntimeApiClient(), name, after_restore)


def _prepare() -> None:
    builtins.exit = _Quitter("exit")  # type: ignore[assignment]
    builtins.quit = _Quitter("quit")  # type: ignore[assignment]
    sources.install()
    if "_nb_umbrella" in sys.modules:  # builtin_module_names Nuitka knows: those at build time
        from native_bootstrap.runtime import compiled  # only where there is compiled code

        compiled.install()
    watch.when_imported("ssl", _explain_trust)


def _explain_trust() -> None:
    from native_bootstrap.runtime import trust  # lazy: needs `ssl`

    trust.explain()
