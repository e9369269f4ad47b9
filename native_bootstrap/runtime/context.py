"""The context object a handler gets: attribute for attribute the reference client's."""

from __future__ import annotations

import sys
import time

from native_bootstrap.runtime import environment, faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from native_bootstrap.runtime.api import Invocation
    from native_bootstrap.runtime.logs import LogSink

# Only these fields of `clientContext.w3c`, and only strings, are handed on.
_W3C_FIELDS = ("traceparent", "tracestate", "baggage")

_now_ns = time.time_ns


class CognitoIdentity:
    """Who called, if the call came through Amazon Cognito."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, identity_id: object = None, pool_id: object = None) -> None:
        self.cognito_identity_id = identity_id
        self.cognito_identity_pool_id = pool_id

    def __repr__(self) -> str:
        return _render(self, self.__slots__)


class Client:
    """The mobile application behind the call."""

    __slots__ = (
        "app_package_name",
        "app_title",
        "app_version_code",
        "app_version_name",
        "installation_id",
    )

    def __init__(self, fields: dict[str, object]) -> None:
        self.installation_id = fields.get("installation_id")
        self.app_title = fields.get("app_title")
        self.app_version_name = fields.get("app_version_name")
        self.app_version_code = fields.get("app_version_code")
        self.app_package_name = fields.get("app_package_name")

    def __repr__(self) -> str:
        order = ("installation_id", "app_title", "app_version_name", "app_version_code")
        return _render(self, (*order, "app_package_name"))


class ClientContext:
    """What the caller sent as client context."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, fields: dict[str, object]) -> None:
        self.custom = fields.get("custom")
        self.env = fields.get("env")
        client = fields.get("client")
        # A client that is no object fails here (AttributeError), as in the reference client.
        self.client = None if client is None else Client(client)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return _render(self, ("custom", "env", "client"))


class LambdaContext:
    """One invocation's context. Plain attributes: handlers may add their own."""

    def __init__(self, invocation: Invocation) -> None:
        function = _process.function or _read_function()
        self.aws_request_id = invocation.request_id
        self.log_group_name = function[0]
        self.log_stream_name = function[1]
        self.function_name = function[2]
        self.memory_limit_in_mb = function[3]
        self.function_version = function[4]
        self.invoked_function_arn = invocation.invoked_function_arn
        self.tenant_id = invocation.tenant_id
        self._w3c_fields: dict[str, str] = {}
        self.client_context: ClientContext | None = None
        if invocation.client_context:
            fields = _parse(invocation.client_context, "Client Context")
            self._w3c_fields = _take_w3c(fields)
            if fields is not None:
                self.client_context = ClientContext(fields)  # type: ignore[arg-type]
        self.identity = CognitoIdentity()
        if invocation.cognito_identity:
            identity = _parse(invocation.cognito_identity, "Cognito Identity")
            if identity is not None:
                self.identity = CognitoIdentity(
                    identity.get("cognitoIdentityId"),  # type: ignore[attr-defined]
                    identity.get("cognitoIdentityPoolId"),  # type: ignore[attr-defined]
                )
        self._epoch_deadline_time_in_ms = invocation.deadline_ms

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation, never negative."""
        left = self._epoch_deadline_time_in_ms - _now_ns() // 1_000_000
        return max(0, left)

    def w3c(self) -> dict[str, str]:
        """The W3C trace context the invocation came with."""
        return dict(self._w3c_fields)

    def log(self, msg: object) -> None:
        """Write a message to the function's log as it is, without level or line end."""
        logging = sys.modules.get("logging")
        if logging is not None:
            for handler in logging.getLogger().handlers:
                if hasattr(handler, "log_sink"):
                    handler.log_sink.log(str(msg))
                    return
        elif _process.sink is not None:
            _process.sink.log(str(msg))
            return
        sys.stdout.write(str(msg))

    def __repr__(self) -> str:
        return _render(
            self,
            (
                "aws_request_id", "log_group_name", "log_stream_name", "function_name",
                "memory_limit_in_mb", "function_version", "invoked_function_arn",
                "client_context", "identity", "tenant_id",
            ),
        )  # fmt: skip


class _Process:
    """What is the same for all invocations of this process."""

    function: tuple[str | None, ...] = ()
    sink: LogSink | None = None


_process = _Process()


def use_sink(sink: LogSink) -> None:
    """Where `context.log` writes while nobody has imported `logging`."""
    _process.sink = sink


def forget_function() -> None:
    """The facts of the function are read anew (a rehearsal has read none)."""
    _process.function = ()


def _read_function() -> tuple[str | None, ...]:
    """The function's facts, read at the first invocation (a restored process has its own)."""
    _process.function = tuple(
        environment.get(name)
        for name in (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_VERSION",
        )
    )
    return _process.function


def _parse(header: str, name: str) -> object:
    import json  # lazy: pulls in re; few invocations carry these headers

    try:
        return json.loads(header)
    except Exception as error:
        raise faults.Fault(
            faults.LAMBDA_CONTEXT_UNMARSHAL_ERROR, f"Unable to parse {name} JSON: {error}"
        ) from error


def _take_w3c(client_context: object) -> dict[str, str]:
    """Move the trace context out of the client context: it is not the caller's data."""
    if not isinstance(client_context, dict):
        return {}
    fields = client_context.pop("w3c", None)
    if not isinstance(fields, dict):
        return {}
    return {key: fields[key] for key in _W3C_FIELDS if isinstance(fields.get(key), str)}


def _render(owner: object, names: tuple[str, ...]) -> str:
    pairs = ",".join(f"{name}={getattr(owner, name)}" for name in names)
    return f"{type(owner).__name__}([{pairs}])"
