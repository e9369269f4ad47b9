"""Events in, responses out: the pluggable part between the wire and the handler."""

from __future__ import annotations

from native_bootstrap.runtime import faults
from native_bootstrap.runtime.json_codec import decode, write


class Serializer:
    """What `LambdaBootstrap(serializer=…)` takes: override both methods.

    An exception from either becomes an invocation error; raise `faults.Fault` to choose its error
    type.
    """

    def loads(self, body: bytes, content_type: str | None) -> object:
        """The event for the handler."""
        raise NotImplementedError

    def dumps(self, value: object) -> tuple[bytes, str]:
        """The response's body and its content type."""
        raise NotImplementedError


class RawSerializer(Serializer):
    """Bytes in, bytes out: nothing is parsed."""

    def loads(self, body: bytes, content_type: str | None) -> object:  # noqa: ARG002
        return body

    def dumps(self, value: object) -> tuple[bytes, str]:
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise faults.Fault(
                faults.MARSHAL_ERROR,
                "Unable to marshal response: a raw handler must return bytes or str, not "
                + type(value).__name__,
            )
        return bytes(value), "application/unknown"


class JsonSerializer(Serializer):
    """The default: JSON as the reference client reads and writes it (RUNTIME.md §3)."""

    def loads(self, body: bytes, content_type: str | None) -> object:
        # No Content-Type, or an empty one, counts as JSON; the reference client crashes there.
        if content_type != "application/json" and content_type:
            return body
        try:
            return decode(body)
        except Exception as error:
            raise faults.Fault(
                faults.UNMARSHAL_ERROR,
                f"Unable to unmarshal input: {faults.message_of(error)}",
            ) from error

    def dumps(self, value: object) -> tuple[bytes, str]:
        if isinstance(value, bytes):
            return value, "application/unknown"
        try:
            return write(value), "application/json"
        except Exception as error:
            raise faults.Fault(
                faults.MARSHAL_ERROR,
                f"Unable to marshal response: {faults.message_of(error)}",
            ) from error
