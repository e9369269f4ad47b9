"""The root logger as Lambda sets it up. Imported only when something imports `logging` (see
watch.py).

Class names are the reference client's: libraries look for them on the root logger.
"""

from __future__ import annotations

import json
import logging
import time
import traceback

from native_bootstrap.runtime.logs import JSON_FRAMES, TEXT_FRAMES, TIME_FORMAT, current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from native_bootstrap.runtime.logs import LogSettings, LogSink

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_TEXT_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"

_RESERVED_FIELDS = frozenset(
    (
        "name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module",
        "exc_info", "exc_text", "stack_info", "lineno", "funcName", "created", "msecs",
        "relativeCreated", "thread", "threadName", "processName", "process", "aws_request_id",
        "tenant_id", "_frame_type",
    )
)  # fmt: skip

# default=str: a value without a JSON form must not cost the whole log record.
_encode_json = json.JSONEncoder(ensure_ascii=False, default=str).encode


class LambdaLoggerHandler(logging.Handler):
    """Formatted records to the log sink."""

    def __init__(self, log_sink: LogSink) -> None:
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record: logging.LogRecord) -> None:
        self.log_sink.log(self.format(record))


class LambdaLoggerHandlerWithFrameType(LambdaLoggerHandler):
    """The same, with the record's level in the telemetry frame."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        frame = getattr(record, "_frame_type", None) or TEXT_FRAMES.get(_rounded_level(record))
        self.log_sink.log(text, frame_type=frame)


class LambdaLoggerFilter(logging.Filter):
    """Gives every record the invocation it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = current.request_id
        record.tenant_id = current.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in Lambda's key order."""

    def __init__(self) -> None:
        super().__init__(datefmt=TIME_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        record.levelno = _rounded_level(record)
        record.levelname = logging.getLevelName(record.levelno)
        record.__dict__["_frame_type"] = JSON_FRAMES.get(record.levelno, JSON_FRAMES[0])
        keep_object = isinstance(record.msg, dict) and not record.args
        error: ExcInfo | None = record.exc_info or None  # type: ignore[assignment]
        result: dict[str, object] = {
            "timestamp": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "message": record.msg if keep_object else record.getMessage(),
            "logger": record.name,
            "stackTrace": traceback.format_tb(error[2]) if error else None,
            "errorType": error[0].__name__ if error else None,
            "errorMessage": str(error[1]) if error else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": f"{record.pathname}:{record.funcName}:{record.lineno}" if error else None,
        }
        tenant = getattr(record, "tenant_id", None)
        if tenant is not None:
            result["tenantId"] = tenant
        for key, value in record.__dict__.items():
            if key not in _RESERVED_FIELDS and key not in result:
                result[key] = value
        return _encode_json({k: v for k, v in result.items() if v is not None}) + "\n"


def _rounded_level(record: logging.LogRecord) -> int:
    return min(50, max(0, record.levelno)) // 10 * 10


def configure(settings: LogSettings, sink: LogSink) -> None:
    """One handler on the root logger, UTC, level WARNING unless the function's settings say
    otherwise."""
    logging.Formatter.converter = time.gmtime
    logging.getLogger().addHandler(_make_handler(settings, sink))


def reconfigure(settings: LogSettings, sink: LogSink) -> None:
    """`configure` for settings that were not known when `logging` was imported (a snapshot).

    What the function's own code has changed since then counts: level, formatter, handlers.
    """
    root = logging.getLogger()
    level = root.level
    for index, old in enumerate(root.handlers):
        if isinstance(old, LambdaLoggerHandler):
            root.handlers[index] = _make_handler(settings, sink)
            if not _is_default(old.formatter):
                root.handlers[index].setFormatter(old.formatter)
    if level != logging.WARNING:
        root.setLevel(level)


def _is_default(formatter: logging.Formatter | None) -> bool:
    return type(formatter) is logging.Formatter and formatter._fmt == _TEXT_FORMAT  # noqa: SLF001


def _make_handler(settings: LogSettings, sink: LogSink) -> logging.Handler:
    root = logging.getLogger()
    handler: logging.Handler
    if settings.json or settings.level:
        handler = LambdaLoggerHandlerWithFrameType(sink)
    else:
        handler = LambdaLoggerHandler(sink)
    if settings.json:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter(_TEXT_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    if settings.level in logging._nameToLevel:  # noqa: SLF001 - the public way needs 3.11
        root.setLevel(settings.level)
    handler.addFilter(LambdaLoggerFilter())
    return handler
