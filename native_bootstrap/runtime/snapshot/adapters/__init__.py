"""Adapters: what a library keeps that belongs to one process, made sound for an image.

An adapter is a module (or any object) with any of these functions:

``prepare()``  at the end of the library's first import, while the image is made. Raises `Refused`
               when the library is one that the adapter does not understand.
``freeze()``   before the memory is written: drop or neutralise what must not be in the image.
``restore()``  in the process that begins from the image: take over what belongs to it. Every
               microsecond of it is one of every cold start.
``handled(kind, detail) -> bool``
               whether it takes care of what the observer has found. Only needed where that cannot
               be told from who is reading (`care`, `reads`).

All run in the main thread; ``freeze`` in the reverse order of ``prepare``, ``restore`` in the same
order. A program that starts the normal way never imports an adapter.
"""

from __future__ import annotations

from native_bootstrap.runtime import watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# The module whose import calls for an adapter, and the adapter's module in this package.
STANDARD = {
    "asyncio.unix_events": "asyncio_",
    "aws_xray_sdk.core.recorder": "xray_",
    "botocore.session": "botocore_",
    "bson.objectid": "bson_",
    "concurrent.futures.thread": "concurrent_",
    "dateutil.parser._parser": "dateutil_",
    "faulthandler": "faulthandler_",
    "langsmith._internal._constants": "langsmith_",
    "logging": "logging_",
    "loguru._logger": "loguru_",
    "mimetypes": "mimetypes_",
    "multiprocessing.process": "multiprocessing_",
    "numpy": "numpy_",
    "numpy.random": "numpy_random",
    "openai.lib.bedrock": "openai_",
    "platform": "platform_",
    "random": "random_",
    "redis.connection": "redis_",
    "sentry_sdk.client": "sentry_",
    "ssl": "ssl_",
    "sympy.core.symbol": "sympy_",
    "tempfile": "tempfile_",
    "threading": "threading_",
    "urllib3.util.connection": "urllib3_",
    "uuid": "uuid_",
    "wsgiref.handlers": "wsgiref_",
}

_prepared: list[object] = []
_wanted: list[str] = []  # names of the adapters under way, innermost last: see `care`
_began = False


class Refused(BaseException):
    """The library cannot be made sound: whatever imports it is left to the running process.

    No `Exception`: a module that goes on without the library would be another one in the image.
    """


def begin() -> None:
    """Wait for the libraries. Call once, before the function's modules are imported."""
    global _began  # noqa: PLW0603
    _began = True
    for name, file in STANDARD.items():
        watch.when_imported(name, _Preparation(f"{__name__}.{file}"))


def register_adapter(name: str, adapter: object) -> None:
    """Use `adapter` for the library `name` from its import on; does nothing in a normal start."""
    if _began:
        watch.when_imported(name, _Preparation(adapter))


class _Preparation:
    """The callback at the end of a library's import."""

    def __init__(self, adapter: object) -> None:
        self._adapter = adapter

    def __call__(self) -> None:
        if not _began:
            return  # in the running process: nobody would take back what `prepare` replaces
        adapter = self._adapter
        if isinstance(adapter, str):
            adapter = __import__(adapter, fromlist=["prepare"])
        prepare = getattr(adapter, "prepare", None)
        if prepare is not None:
            prepare()
        if adapter not in _prepared:  # one adapter may be there for several modules
            _prepared.append(adapter)


def freeze() -> tuple[Callable[[], None], ...]:
    """Run the adapters' `freeze`; their `restore` functions, for the running process to call.

    What is imported for the first time after the restore needs no adapter.
    """
    global _began  # noqa: PLW0603
    for adapter in reversed(_prepared):
        function = getattr(adapter, "freeze", None)
        if function is not None:
            function()
    restores = [getattr(adapter, "restore", None) for adapter in _prepared]
    _began = False
    return tuple(restore for restore in restores if restore is not None)


def prepared() -> list[str]:
    """The adapters that are at work, for the report."""
    names = [getattr(adapter, "__name__", type(adapter).__name__) for adapter in _prepared]
    return [name.rpartition(".")[2].strip("_") for name in names]


class care:  # noqa: N801 - reads as a statement: `with care("random"):`
    """What is read of the process inside the block is this adapter's to set right."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        _wanted.append(self._name)

    def __exit__(self, *error: object) -> None:
        _wanted.pop()


def handled(kind: str, detail: str, modules: object = ()) -> str | None:  # noqa: ARG001
    """The adapter that takes care of a read, asked by the observer while the read goes on.

    `kind` and `detail` are the observer's ("entropy", "getrandom"). Who reads is seen from the
    stack: the same read is sound inside `logging` and not in the module that calls it.
    """
    if _wanted:
        return _wanted[-1]
    for adapter, name in zip(_prepared, prepared(), strict=True):
        sees = getattr(adapter, "handled", None)
        if sees is not None and sees(kind, detail):
            return name
    from native_bootstrap.runtime.snapshot.adapters import reads  # only while an image is made

    return reads.handled(kind, detail)
