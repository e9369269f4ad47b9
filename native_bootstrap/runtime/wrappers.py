"""Handler wrappers: raw bytes, dataclasses, coroutines; what comes out is `f(event, context)`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable

    Handler = Callable[..., object]

RAW_MARK = "__native_bootstrap_raw__"


def raw(handler: Handler) -> Handler:
    """Mark a handler that takes the event's bytes and returns the response's bytes; nothing is
    parsed."""
    setattr(handler, RAW_MARK, True)
    return handler


def is_raw(handler: Handler) -> bool:
    """True for a handler marked by `raw`."""
    return bool(getattr(handler, RAW_MARK, False))


def typed(handler: Handler | None = None, *, event: type | None = None) -> Handler:
    """A handler that works on dataclasses instead of dicts.

    The event's type is the annotation of the handler's first parameter, or `event=`. The response
    may be a dataclass, or contain some. Works as a decorator with or without arguments, for `async
    def`, too::

        @typed
        def handler(order: Order, context: LambdaContext) -> Receipt: ...
    """
    if handler is None:
        return lambda function: typed(function, event=event)
    from native_bootstrap.runtime import typed_events  # lazy: dataclasses and typing cost 10 ms

    return typed_events.wrap(handler, event)


class EventLoop:
    """One long-lived event loop, made when the first coroutine comes."""

    def __init__(self) -> None:
        self._loop: AbstractEventLoop | None = None

    def run(self, awaitable: Awaitable[object]) -> object:
        """The awaitable's result. Its `Exception`s are raised with the user's frames only."""
        if self._loop is None:
            import asyncio  # lazy: 20 ms and more

            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        value, error = self._loop.run_until_complete(_settle(awaitable))
        if error is not None:
            raise error
        return value


async def _settle(awaitable: Awaitable[object]) -> tuple[object, Exception | None]:
    try:
        return await awaitable, None
    except Exception as error:
        # Off with this frame: a re-raise would put the event loop's frames above the user's.
        return None, error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
