"""What runs once, at build time, in the clean room: import the function, watch, report.

Nothing of this stays in the image: the modules of the observation are forgotten at the end.
"""

from __future__ import annotations

import gc
import sys

import _nb_snapshot

from native_bootstrap.runtime.snapshot import adapters, hooks, restore
from native_bootstrap.runtime.snapshot.observer import Observer, describe
from native_bootstrap.runtime.snapshot.stream import Stream, read_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_ONLY_NOW = ("allowed", "audit", "blame", "imports", "initialise", "locate", "names", "narrow",
             "observer", "probes", "settings_fields", "stream", "variables")  # fmt: skip
_FULL = "full"


def run(plan_path: str, import_handler: Callable[[str], object], report_fd: int = 3) -> bool:
    """Do what the plan says. True: the process may be dumped.

    `import_handler(name)` finds the handler. What it raises is reported, and does not end the pass:
    the build decides what that means.
    """
    stream = Stream(report_fd)
    plan = read_plan(plan_path)
    deferred = frozenset(_strings(plan["deferred"]))
    restore.begin()
    observer = Observer(stream, deferred, _nb_snapshot, locate=bool(plan.get("locate")))
    observer.start()
    state, error = "deferred", None
    if plan["level"] == _FULL:
        handler = str(plan["handler"])
        if _is_deferred(handler.rpartition(".")[0].replace("/", "."), deferred):
            _preload(_strings(plan["preload"]))
        else:
            error = _attempt(lambda: import_handler(handler))
            state = "imported" if error is None else "failed"
    unfinished = _attempt(hooks.run_before_snapshot)
    gc.collect()  # finalisers run while somebody looks
    observer.final()
    restore.written.update(observer.stop())
    unfinished = unfinished or _attempt(restore.freeze)
    if unfinished is not None:
        detail = f"cannot be prepared for an image: {describe(unfinished)}"
        stream.write("offence", kind="hook", module=None, detail=detail, chain=[])
    stream.write(
        "done",
        modules=observer.completed,
        written=restore.written,
        adapters=adapters.prepared(),
        handler=state,
        error=describe(error) if error is not None else None,
    )
    _forget()
    return bool(plan["dump"]) and unfinished is None


def _attempt(function: Callable[[], object]) -> BaseException | None:
    """What it raised, without the frames: they would be in the image."""
    try:
        function()
    except BaseException as error:
        error.__traceback__ = None
        return error
    return None


def _preload(names: list[str]) -> None:
    """One by one; what a module raises is in the report already."""
    for name in names:
        _attempt(lambda name=name: __import__(name))  # type: ignore[misc]


def _is_deferred(module: str, deferred: frozenset[str]) -> bool:
    while module:
        if module in deferred:
            return True
        module = module.rpartition(".")[0]
    return False


def _strings(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(item) for item in value]


def _forget() -> None:
    """The modules of the observation are used by nobody but this call."""
    package = __name__.rpartition(".")[0]
    for name in _ONLY_NOW:
        sys.modules.pop(f"{package}.{name}", None)
        vars(sys.modules[package]).pop(name, None)
