"""The interpreted transport: one urllib3 keep-alive connection to the Runtime API.

The compiled program has the C client (`_nb_client`) instead; both answer to the same `Transport`
protocol and follow the same rule for repeats: a request is sent a second time only if a kept-alive
connection turned out to be closed before any byte of the answer came.
"""

from __future__ import annotations

import http.client

import urllib3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    class Transport(Protocol):
        """What `RuntimeApiClient` talks through. Header names of answers are lower-case."""

        def request(
            self,
            method: str,
            path: str,
            headers: Sequence[tuple[str, str]],
            body: bytes | None,
            /,
        ) -> tuple[int, Mapping[str, str], bytes]: ...


class TransportError(OSError):
    """The Runtime API could not be reached, or did not speak HTTP."""


_NO_ANSWER = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Urllib3Transport:
    """Requests to `host:port[/Prefix]`, without timeouts: `/next` may wait for hours."""

    def __init__(self, api: str, user_agent: str) -> None:
        address, slash, prefix = api.partition("/")
        self._prefix = slash + prefix.rstrip("/") if prefix else ""
        self._user_agent = user_agent
        parts = urllib3.util.parse_url(f"http://{address}")
        if not parts.host:
            raise TransportError(f"AWS_LAMBDA_RUNTIME_API is no host:port: {api!r}")
        self._address = address
        self._pool = urllib3.HTTPConnectionPool(
            parts.host, port=parts.port or 80, maxsize=1, block=True, timeout=None, retries=False
        )

    def request(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | None, /
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One call; (status, headers with lower-case names, body)."""
        fields: dict[str, str | bytes] = {"User-Agent": self._user_agent}
        # Bytes, because http.client would encode text as Latin-1.
        fields.update((name, value.encode()) for name, value in headers)
        used_before = self._pool.num_requests > 0
        try:
            try:
                answer = self._send(method, path, fields, body)
            except urllib3.exceptions.ProtocolError as error:
                if not (used_before and isinstance(error.args[-1], _NO_ANSWER)):
                    raise
                answer = self._send(method, path, fields, body)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            raise TransportError(
                f"{method} {self._address}{self._prefix}{path}: {error}"
            ) from error
        return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.data

    def _send(
        self, method: str, path: str, headers: dict[str, str | bytes], body: bytes | None
    ) -> urllib3.BaseHTTPResponse:
        return self._pool.urlopen(
            method,
            self._prefix + path,
            body=body,
            headers=headers,  # type: ignore[arg-type]
            retries=False,
            redirect=False,
            decode_content=False,
        )

    def close(self) -> None:
        """Drop the connection; the next request opens a new one."""
        self._pool.close()
