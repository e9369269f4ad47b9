"""The library's front door: start the runtime loop from a program of your own."""

from __future__ import annotations

from native_bootstrap.runtime import loop, wrappers
from native_bootstrap.runtime.api import RuntimeApiClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from native_bootstrap.runtime.serializer import Serializer
    from native_bootstrap.runtime.wrappers import Handler


class LambdaBootstrap:
    """A handler, ready to run.

    `handler` is a function `f(event, context)`, an `async` one, or a name like ``app.handler``::

        LambdaBootstrap(handler).run()
        LambdaBootstrap(handler).with_serializer(MySerializer()).with_client(client).run()
        LambdaBootstrap(place_order).typed(Order).run()
    """

    def __init__(
        self,
        handler: str | Handler,
        *,
        serializer: Serializer | None = None,
        client: RuntimeApiClient | None = None,
    ) -> None:
        self._handler = handler
        self._serializer = serializer
        self._client = client

    def with_serializer(self, serializer: Serializer) -> LambdaBootstrap:
        """Read events and write responses with `serializer` instead of JSON."""
        self._serializer = serializer
        return self

    def with_client(self, client: RuntimeApiClient) -> LambdaBootstrap:
        """Talk to the Runtime API through `client`."""
        self._client = client
        return self

    def raw(self) -> LambdaBootstrap:
        """Hand the event's bytes to the handler and send the bytes it returns."""
        self._handler = wrappers.raw(self._function())
        return self

    def typed(self, event: type | None = None) -> LambdaBootstrap:
        """Hand a dataclass to the handler: `event`, or its first parameter's annotation."""
        self._handler = wrappers.typed(self._function(), event=event)
        return self

    def run(self) -> None:
        """Serve invocations until the process ends (by SystemExit)."""
        client = self._client or RuntimeApiClient()
        try:
            loop.run(client, self._handler, self._serializer)
        finally:
            client.close()

    def _function(self) -> Handler:
        if isinstance(self._handler, str):
            raise TypeError("a handler given by name carries its own decorators (raw, typed)")
        return self._handler
