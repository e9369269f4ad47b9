"""Where log lines go, and the runtime's own error lines. Imports no `logging`."""

from __future__ import annotations

import sys
import time

from native_bootstrap.runtime import environment, json_codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from native_bootstrap.runtime.faults import ErrorResult

    class Stream(Protocol):
        def write(self, text: str, /) -> object: ...
        def flush(self) -> object: ...

    class LogSink(Protocol):
        def log(self, msg: str, frame_type: bytes | None = None) -> None: ...
        def log_error(self, lines: list[str]) -> None: ...


# Frame types of the telemetry protocol, 0xa55a00NN: NN per level (NOTSET, DEBUG … CRITICAL).
TEXT_FRAMES = {level: bytes((0xA5, 0x5A, 0, low)) for level, low in
               ((0, 0x03), (10, 0x0B), (20, 0x0F), (30, 0x13), (40, 0x17), (50, 0x1B))}  # fmt: skip
JSON_FRAMES = {level: bytes((0xA5, 0x5A, 0, low)) for level, low in
               ((0, 0x02), (10, 0x0A), (20, 0x0E), (30, 0x12), (40, 0x16), (50, 0x1A))}  # fmt: skip
_ERROR = 40

_TELEMETRY_FD = "_LAMBDA_TELEMETRY_LOG_FD"
_NO_BREAK_SPACE = "\u00a0"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"

# The reference client's words, to the letter (a line end of "\r" keeps it one log event).
UNHANDLED_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. "
    "However, in rare cases, a Lambda runtime update can cause unexpected function behavior. "
    "For functions using managed runtimes, runtime updates can be triggered by a function change, "
    "or can be applied automatically. "
    "To determine if the runtime has been updated, check the runtime version in the INIT_START log "
    "entry. If this error correlates with a change in the runtime version, you may be able to "
    "mitigate this error by temporarily rolling back to the previous runtime version. "
    "For more information, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)


class LogSettings:
    """`AWS_LAMBDA_LOG_FORMAT` and `AWS_LAMBDA_LOG_LEVEL`, read once."""

    def __init__(self) -> None:
        self.json = (environment.get("AWS_LAMBDA_LOG_FORMAT") or "").upper() == "JSON"
        level = environment.get("AWS_LAMBDA_LOG_LEVEL")
        # Only the exact word TRACE is an alias of the runtime's; WARN and FATAL are logging's own.
        self.level = "DEBUG" if level == "TRACE" else (level or "").upper()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LogSettings) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class Current:
    """The invocation being handled, for the log records of whatever thread."""

    request_id: str = ""
    tenant_id: str | None = None


current = Current()


class Unbuffered:
    """A text stream flushed after every write: Lambda freezes processes without warning."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def __enter__(self) -> Unbuffered:  # noqa: PYI034 - Self needs typing
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)

    def write(self, text: str) -> object:
        written = self.stream.write(text)
        self.stream.flush()
        return written

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.stream.write(line)
        self.stream.flush()


class StandardLogSink:
    """Log lines on stdout."""

    def log(self, msg: str, frame_type: bytes | None = None) -> None:  # noqa: ARG002
        sys.stdout.write(msg)

    def log_error(self, lines: list[str]) -> None:
        sys.stdout.write("\r".join(lines) + "\n")


class FramedTelemetryLogSink:
    """Log records as frames on a file descriptor: type(4) length(4) µs timestamp(8) UTF-8, big-
    endian."""

    def __init__(self, fd: int, error_frame: bytes) -> None:
        self.fd = fd
        self._file = open(fd, "wb", 0)  # noqa: SIM115 - open as long as the process lives
        self._error_frame = error_frame

    def log(self, msg: str, frame_type: bytes | None = None) -> None:
        data = msg.encode()
        stamp = time.time_ns() // 1000
        self._file.write(
            (frame_type or TEXT_FRAMES[0])
            + len(data).to_bytes(4, "big")
            + stamp.to_bytes(8, "big")
            + data
        )

    def log_error(self, lines: list[str]) -> None:
        self.log("\n".join(lines), self._error_frame)


def has_telemetry() -> bool:
    """Whether Lambda gave this process a descriptor for its log."""
    return environment.get(_TELEMETRY_FD) is not None


def open_sink(settings: LogSettings) -> LogSink:
    """The telemetry descriptor if Lambda gave one (and it is no longer in the environment), else
    stdout."""
    fd = environment.get(_TELEMETRY_FD)
    if fd is None:
        return StandardLogSink()
    environment.remove(_TELEMETRY_FD)
    frames = JSON_FRAMES if settings.json else TEXT_FRAMES
    return FramedTelemetryLogSink(int(fd), frames[_ERROR])


def unbuffer_streams() -> None:
    """`print` reaches the log at once."""
    if not isinstance(sys.stdout, Unbuffered):
        sys.stdout = Unbuffered(sys.stdout)
    if not isinstance(sys.stderr, Unbuffered):
        sys.stderr = Unbuffered(sys.stderr)


def log_error(
    result: ErrorResult, sink: LogSink, settings: LogSettings, *, with_stack: bool = True
) -> None:
    """The runtime's own line about an error that reached it."""
    if settings.json:
        stamp = time.strftime(TIME_FORMAT, time.gmtime())
        sink.log_error([json_codec.encode({"timestamp": stamp, "level": "ERROR", **result})])
        return
    lines = [_headline(result["errorType"], result["errorMessage"])]
    if with_stack:
        lines.append("Traceback (most recent call last):")
    for element in result["stackTrace"]:
        lines.extend(_indent_with_no_break_space(line) for line in element.splitlines() or [""])
    sink.log_error(lines)


def _headline(error_type: str, message: str) -> str:
    headline = "[ERROR]"
    if error_type:
        headline += " " + error_type
    if message:
        headline += (": " if error_type else " ") + message
    return headline


def _indent_with_no_break_space(line: str) -> str:
    text = line.lstrip(" ")
    return _NO_BREAK_SPACE * (len(line) - len(text)) + text
