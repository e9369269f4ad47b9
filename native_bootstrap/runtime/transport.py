"""The interpreted transport: one urllib3 keep-alive connection to the Runtime API.

The compiled program has the C client (`_nb_client`) instead; both answer to the same `Transport`
protocol and follow the same rule for repeats: a request is sent a second time only if a kept-alive
connection turned out to be closed before any byte of the answer came.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection

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

        def close(self) -> None: ...


class TransportError(OSError):
    """The Runtime API could not be reached, or did not speak HTTP."""


_NO_ANSWER = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Urllib3Transport:
    """Requests to `host:port[/Prefix]`, without timeouts: `/next` may wait for hours.

    A bare connection, not a pool: the pool logs every request, and a function that sets the root
    logger to DEBUG would find the runtime's own calls in its log.
    """

    def __init__(self, api: str, user_agent: str) -> None:
        address, slash, prefix = api.partition("/")
        self._base = address + slash + prefix.rstrip("/") if prefix else address
        self._prefix = self._base[len(address) :]
        self._user_agent = user_agent
        try:
            parts = urlsplit(f"//{address}")
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            host, port = None, 0
        if not host:
            raise TransportError(f"AWS_LAMBDA_RUNTIME_API is no host:port: {api!r}")
        self._connection = HTTPConnection(host, port, timeout=None)

    def request(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | None, /
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One call; (status, headers with lower-case names, body)."""
        fields: dict[str, str | bytes] = {"User-Agent": self._user_agent}
        # Bytes, because http.client would encode text as Latin-1.
        fields.update((name, value.encode()) for name, value in headers)
        kept_alive = self._connection.sock is not None
        try:
            try:
                return self._exchange(method, path, fields, body)
            except _NO_ANSWER:
                self._connection.close()
                if not kept_alive:
                    raise
                return self._exchange(method, path, fields, body)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise TransportError(f"{method} http://{self._base}{path} failed: {error}") from error

    def _exchange(
        self, method: str, path: str, headers: dict[str, str | bytes], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = self._connection
        connection.request(
            method,
            self._prefix + path,
            body=body,
            headers=headers,  # type: ignore[arg-type]
            decode_content=False,
        )
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.data

    def close(self) -> None:
        """Drop the connection; the next request opens a new one."""
        self._connection.close()
