"""The Runtime API, call by call: what goes over the wire, and nothing else."""

from __future__ import annotations

import sys

import native_bootstrap
from native_bootstrap.runtime import environment, faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from native_bootstrap.runtime.faults import ErrorResult
    from native_bootstrap.runtime.transport import Transport

_NEXT = "/2018-06-01/runtime/invocation/next"
_INVOCATION = "/2018-06-01/runtime/invocation/"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_JSON = ("Content-Type", "application/json")
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_XRAY_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
_INVOCATION_ID = "Lambda-Runtime-Invocation-Id"


class RuntimeApiError(Exception):
    """The Runtime API answered a call with something else than success."""

    def __init__(self, call: str, status: int, body: bytes) -> None:
        self.call = call
        self.status = status
        self.error_type, self.error_message = _read_error(body)
        self.summary = f"the Runtime API answered {call} with {status}"
        if self.error_message:
            self.summary += f": {self.error_message}"
        super().__init__(self.summary + (f" ({self.error_type})" if self.error_type else ""))


class Invocation:
    """One invocation as `/next` gave it."""

    __slots__ = (
        "body", "client_context", "cognito_identity", "content_type", "deadline_ms",
        "invocation_id", "invoked_function_arn", "request_id", "tenant_id", "trace_id",
    )  # fmt: skip

    def __init__(self, request_id: str, headers: Mapping[str, str], body: bytes) -> None:
        get = headers.get
        self.request_id = request_id
        self.body = body
        self.content_type = get("content-type")
        self.deadline_ms = _number(get("lambda-runtime-deadline-ms"))
        self.invoked_function_arn = get("lambda-runtime-invoked-function-arn") or ""
        self.trace_id = get("lambda-runtime-trace-id")
        self.client_context = get("lambda-runtime-client-context")
        self.cognito_identity = get("lambda-runtime-cognito-identity")
        self.tenant_id = get("lambda-runtime-aws-tenant-id") or None
        self.invocation_id = get("lambda-runtime-invocation-id")


class RuntimeApiClient:
    """The Runtime API's calls over one connection.

    `api` is `host:port[/Prefix]`, by default `$AWS_LAMBDA_RUNTIME_API`. A `transport` of your own
    replaces the built-in C client or urllib3. Calls raise `RuntimeApiError` for an answer that is
    no success, and OSError when there is no answer.
    """

    def __init__(self, api: str | None = None, *, transport: Transport | None = None) -> None:
        if transport is None:
            transport = connect(api or environment.get("AWS_LAMBDA_RUNTIME_API") or "")
        self._transport = transport
        self._request = transport.request

    def close(self) -> None:
        """Drop the connection; the next call opens a new one."""
        self._transport.close()

    def get_next_invocation(self) -> Invocation:
        """Wait for the next invocation, as long as it takes."""
        status, headers, body = self._request("GET", _NEXT, (), None)
        if not 200 <= status < 300:
            raise RuntimeApiError("/next", status, body)
        request_id = headers.get("lambda-runtime-aws-request-id")
        if not request_id:
            raise RuntimeApiError(
                "/next", status, b"no Lambda-Runtime-Aws-Request-Id in the answer"
            )
        return Invocation(request_id, headers, body)

    def send_response(
        self,
        request_id: str,
        body: bytes,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Give an invocation its response."""
        headers: tuple[tuple[str, str], ...] = (("Content-Type", content_type),)
        if invocation_id:
            headers += ((_INVOCATION_ID, invocation_id),)
        self._post(f"{_INVOCATION}{request_id}/response", headers, body)

    def report_invocation_error(
        self,
        request_id: str,
        error: ErrorResult,
        xray_cause: Mapping[str, object] | None = None,
        invocation_id: str | None = None,
    ) -> None:
        """End an invocation with an error."""
        headers: list[tuple[str, str]] = [
            _JSON,
            (_ERROR_TYPE, faults.error_type_header(error["errorType"])),
        ]
        if xray_cause is not None:
            # JSON escapes the other control characters. The Runtime API (Go's net/http) answers
            # 400 to a header with this one, and would hand out the same invocation again and again.
            cause = _dump(xray_cause).replace(b"\x7f", b"\\u007f")
            if len(cause) < faults.XRAY_CAUSE_LIMIT:  # else no header at all
                headers.append((_XRAY_CAUSE, cause.decode()))
        if invocation_id:
            headers.append((_INVOCATION_ID, invocation_id))
        self._post(f"{_INVOCATION}{request_id}/error", headers, _dump(error))

    def report_initialization_error(self, error: ErrorResult, error_type: str = "") -> None:
        """Tell Lambda that the function cannot start; the process is expected to exit.

        `error_type`: a name of the Runtime API's own for what went wrong, instead of the error's.
        """
        # A class may have any name; a line break in it would keep the report from being sent.
        name = "".join(c if c.isprintable() else "_" for c in error_type or error["errorType"])
        self._post(_INIT_ERROR, [_JSON, (_ERROR_TYPE, name)], _dump(error))

    def _post(
        self, path: str, headers: list[tuple[str, str]] | tuple[tuple[str, str], ...], body: bytes
    ) -> None:
        status, _, answer = self._request("POST", path, headers, body)
        if not 200 <= status < 300:
            raise RuntimeApiError(path[path.rindex("/") :], status, answer)


def connect(api: str) -> Transport:
    """The C client in the compiled program, urllib3 anywhere else."""
    if not api:
        raise faults.exit_with(
            "AWS_LAMBDA_RUNTIME_API is not set. Lambda sets it; to try a function on "
            "your own machine, use `build-native invoke` or point it at an emulator (host:port)."
        )
    if "_nb_client" in sys.builtin_module_names:
        import _nb_client

        transport: Transport = _nb_client.connect(api, user_agent())
        return transport
    from native_bootstrap.runtime.transport import Urllib3Transport  # lazy: urllib3 is heavy

    return Urllib3Transport(api, user_agent())


def user_agent() -> str:
    """What Lambda's operators see us as."""
    version = ".".join(map(str, sys.version_info[:3]))
    return f"aws-lambda-python/{version}-native-bootstrap/{native_bootstrap.__version__}"


def _number(text: str | None) -> int:
    try:
        return int(text) if text else 0
    except ValueError:  # the reference client dies of it; a wrong deadline is no reason to
        return 0


def _dump(value: object) -> bytes:
    from native_bootstrap.runtime import json_careful  # lazy: only errors are written here

    try:
        return json_careful.encode(value).encode()
    except UnicodeEncodeError:  # a lone surrogate in a message: escape it
        return json_careful.encode_ascii(value).encode()


def _read_error(body: bytes) -> tuple[str, str]:
    """Error type and message of an error answer, if it has them; else its text."""
    import json  # lazy: error answers are rare

    try:
        answer = json.loads(body)
        return str(answer.get("errorType") or ""), str(answer.get("errorMessage") or "")
    except (ValueError, AttributeError):
        return "", body[:200].decode("utf-8", "replace").strip()
