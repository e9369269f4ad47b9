"""The start and an invocation, played through while the image is made, with a handler of ours.

The first time that code runs, the interpreter writes: specialised instructions, caches of classes
and names. Done before the dump, those are pages that a start does not have to copy: the cold start
of a small function became 40 % shorter. Nothing of the function's is called.
"""

from __future__ import annotations

import posix

import _nb_archive

from native_bootstrap.runtime import context, environment, logs, loop
from native_bootstrap.runtime.api import RuntimeApiClient
from native_bootstrap.runtime.serializer import JsonSerializer
from native_bootstrap.runtime.snapshot import (
    probe,  # noqa: F401 - the build's trial of the image then imports nothing, as a start does
    restore,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_TIMES = 100  # the interpreter specialises code that has run a few dozen times
_EVENT = b'{"name": "world", "numbers": [1, 2.5, true, null], "more": {"text": "a\\n\\u00e4"}}'
_HEADERS = {
    "date": "Thu, 01 Jan 1970 00:00:00 GMT",
    "content-type": "application/json",
    "content-length": str(len(_EVENT)),
    "lambda-runtime-aws-request-id": "00000000-0000-4000-8000-000000000000",
    "lambda-runtime-deadline-ms": "1000",
    "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:012345678912:function:f",
    "lambda-runtime-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
}


class _Api:
    """Lambda's side: the same event again and again."""

    def request(
        self,
        method: str,
        path: str,  # noqa: ARG002
        headers: object,  # noqa: ARG002
        body: bytes | None,  # noqa: ARG002
    ) -> tuple[int, dict[str, str], bytes]:
        return (200, dict(_HEADERS), _EVENT) if method == "GET" else (202, {}, b"")

    def close(self) -> None:
        pass


def run(
    runtime: loop.Runtime,
    take_up: Callable[[loop.Runtime, list[str], Callable[[], None]], None],
) -> None:
    """`take_up` and an invocation, again and again. Leaves everything as it was, but warm."""
    name = _nb_archive.default_handler()
    kept = runtime.lend(_handle, name, JsonSerializer())
    adapters, restore._adapters = restore._adapters, ()  # noqa: SLF001 - they are for one process
    posix.putenv(b"AWS_LAMBDA_RUNTIME_API", b"127.0.0.1:9")  # nobody connects to it
    try:
        for _ in range(_TIMES):
            take_up(runtime, [], _no_hooks)
            client = RuntimeApiClient("", transport=_Api())
            runtime.connect(client)
            runtime.handle(client.get_next_invocation())
            context.forget_function()
    finally:
        restore._adapters = adapters  # noqa: SLF001
        posix.unsetenv(b"AWS_LAMBDA_RUNTIME_API")
        runtime.lend(*kept)
    environment.remove("_X_AMZN_TRACE_ID")
    vars(logs.current).clear()


def _no_hooks() -> None:
    """The function's are for the running process."""


def _handle(event: object, lambda_context: object) -> object:
    return {"message": "Hello", "event": event, "id": lambda_context.aws_request_id}  # type: ignore[attr-defined]
