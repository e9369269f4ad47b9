"""The runtime loop: initialise once, then serve invocations until Lambda ends the process."""

from __future__ import annotations

import sys

from native_bootstrap.runtime import context, environment, faults, handler, logs, watch, wrappers
from native_bootstrap.runtime.api import RuntimeApiError
from native_bootstrap.runtime.serializer import JsonSerializer, RawSerializer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from native_bootstrap.runtime.api import Invocation, RuntimeApiClient
    from native_bootstrap.runtime.handler import Handler
    from native_bootstrap.runtime.serializer import Serializer

# Answers to a response or error report after which the next invocation can still be served.
_SURVIVABLE = (400, 403, 413)
# Types that are a response as they are, so nobody has to ask whether they can be awaited. No set:
# the compiler would write its members in the order of their addresses, which differs by build.
_PLAIN = (dict, str, list, type(None), bytes, int, float, bool, tuple)


class Runtime:
    """Streams, logging, handler and serializer of one process.

    `client` is None at build time: then `load` and, in the restored process, `resume` follow.
    """

    def __init__(
        self, client: RuntimeApiClient | None, serializer: Serializer | None = None
    ) -> None:
        self.connect(client)
        self._serializer = serializer
        self._event_loop = wrappers.EventLoop()
        self._handler: Handler | None = None
        self._loaded = ""
        self._settings = logs.LogSettings()
        logs.unbuffer_streams()
        self._sink = logs.open_sink(self._settings)
        context.use_sink(self._sink)
        watch.when_imported("logging", self._configure_logging)

    def connect(self, client: RuntimeApiClient | None) -> None:
        """Speak to this Runtime API from now on."""
        self._client: RuntimeApiClient = client  # type: ignore[assignment] # None only before resume

    def _configure_logging(self) -> None:
        from native_bootstrap.runtime import log_records  # lazy: needs `logging`

        log_records.configure(self._settings, self._sink)

    def load(self, target: str | Handler) -> None:
        """Find the handler, and how its events and responses are written."""
        found = handler.resolve(target) if isinstance(target, str) else target
        if self._serializer is None:
            raw = wrappers.is_raw(found)
            self._serializer = RawSerializer() if raw else JsonSerializer()
        self._handler = found
        self._loaded = target if isinstance(target, str) else ""

    def initialise(self, target: str | Handler) -> None:
        """`load`; an error is reported and ends the process (exit 1)."""
        try:
            self.load(target)
        except Exception as error:
            self._report_init_error(error)

    def resume(
        self, client: RuntimeApiClient, target: str, after_restore: Callable[[], None]
    ) -> None:
        """Get ready in a restored process: what depends on the running function is read again.

        `after_restore` runs the function's hooks; their errors are init errors.
        """
        self.connect(client)
        self._refresh_logging()
        try:
            after_restore()
        except Exception as error:
            self._report_init_error(error, faults.AFTER_RESTORE_ERROR)
        if self._handler is None or target != self._loaded:  # deferred, or another one is wanted
            self._serializer = None
            self.initialise(target)

    def lend(
        self, function: Handler | None, name: str, serializer: Serializer | None
    ) -> tuple[Handler | None, str, Serializer | None]:
        """Put another handler in place of the function's, for a rehearsal; the one there was."""
        kept = self._handler, self._loaded, self._serializer
        self._handler, self._loaded, self._serializer = function, name, serializer
        return kept

    def _refresh_logging(self) -> None:
        settings = logs.LogSettings()
        if settings == self._settings and not logs.has_telemetry():
            return  # as in the image
        self._settings = settings
        self._sink = logs.open_sink(settings)
        context.use_sink(self._sink)
        if "logging" in sys.modules:
            from native_bootstrap.runtime import log_records

            log_records.reconfigure(settings, self._sink)

    def _report_init_error(self, error: Exception, error_type: str = "") -> None:
        result, _ = faults.describe(error)
        import logging  # lazy: the reference client's warning goes through the root logger

        logging.warning(logs.UNHANDLED_WARNING)
        self._log_error(result)
        try:
            self._client.report_initialization_error(result, error_type)
        except (OSError, RuntimeApiError) as failure:
            raise _unreachable(failure) from None
        raise SystemExit(1)

    def serve(self) -> None:
        """Invocation after invocation; exit code 1 when the Runtime API fails."""
        while True:
            try:
                invocation = self._client.get_next_invocation()
            except (OSError, RuntimeApiError) as error:
                raise _unreachable(error) from None
            self.handle(invocation)
            del invocation  # a large event is not kept while the process waits

    def handle(self, invocation: Invocation) -> None:
        """Serve one invocation."""
        logs.current.request_id = invocation.request_id
        logs.current.tenant_id = invocation.tenant_id
        if invocation.trace_id is not None:
            environment.put("_X_AMZN_TRACE_ID", invocation.trace_id)
        else:
            environment.remove("_X_AMZN_TRACE_ID")
        try:
            body, content_type = self._call(invocation)
        except Exception as error:
            self._report_error(invocation, error)
            return
        try:
            self._client.send_response(
                invocation.request_id, body, content_type, invocation.invocation_id
            )
        except (OSError, RuntimeApiError) as error:
            self._survive(error)

    def _call(self, invocation: Invocation) -> tuple[bytes, str]:
        serializer, function = self._serializer, self._handler
        assert serializer is not None
        assert function is not None
        lambda_context = context.LambdaContext(invocation)
        event = serializer.loads(invocation.body, invocation.content_type)
        response = function(event, lambda_context)
        if type(response) not in _PLAIN and hasattr(response, "__await__"):
            response = self._event_loop.run(response)
        return serializer.dumps(response)

    def _report_error(self, invocation: Invocation, error: Exception) -> None:
        result, cause = faults.describe(error, invocation.request_id)
        self._log_error(result)
        try:
            self._client.report_invocation_error(
                invocation.request_id, result, cause, invocation.invocation_id
            )
        except (OSError, RuntimeApiError) as failure:
            self._survive(failure)

    def _survive(self, error: OSError | RuntimeApiError) -> None:
        """Log an answer that concerns one invocation only; anything else ends the process."""
        if not isinstance(error, RuntimeApiError) or error.status not in _SURVIVABLE:
            raise _unreachable(error) from None
        name = error.error_type or type(error).__name__
        result = faults.error_result(error.summary, name, None, logs.current.request_id)
        logs.log_error(result, self._sink, self._settings, with_stack=False)

    def _log_error(self, result: faults.ErrorResult) -> None:
        try:
            logs.log_error(result, self._sink, self._settings)
        except UnicodeEncodeError:  # a lone surrogate, which no stream can carry
            for key in ("errorMessage", "errorType"):
                result = {**result, key: _printable(result[key])}  # type: ignore[misc]
            result["stackTrace"] = [_printable(line) for line in result["stackTrace"]]
            logs.log_error(result, self._sink, self._settings)


def _unreachable(error: OSError | RuntimeApiError) -> SystemExit:
    if isinstance(error, RuntimeApiError):
        return faults.exit_with(str(error))
    return faults.exit_with(f"the Runtime API gave no answer: {error}")


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def choose_handler(arguments: list[str], default: str = "", placeholder: str | None = None) -> str:
    """The handler's name: command line, then `_HANDLER`, then the one built in. None → exit 1."""
    if arguments:
        return arguments[0]  # even an empty one: it is reported as malformed
    named = environment.get("_HANDLER")
    name = default if named in (None, "", placeholder) else named
    if not name:
        raise faults.exit_with(
            "no handler: set _HANDLER or give it as an argument, like app.handler"
        )
    return name


def run(client: RuntimeApiClient, target: str | Handler, serializer: Serializer | None) -> None:
    """Initialise and serve; ends by SystemExit or by whatever BaseException the function raises."""
    runtime = Runtime(client, serializer)
    runtime.initialise(target)
    runtime.serve()
