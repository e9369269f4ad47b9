"""Errors as Lambda sees them: shapes, names and key order of the reference client."""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import TypedDict

    class ErrorResult(TypedDict):
        """The body of an error report; the order of the keys is part of the wire format."""

        errorMessage: str
        errorType: str
        requestId: str
        stackTrace: list[str]

    Frame = tuple[str, int, str, str]  # file name, line number, function, source line


MALFORMED_HANDLER_NAME = "Runtime.MalformedHandlerName"
BUILT_IN_MODULE_CONFLICT = "Runtime.BuiltInModuleConflict"
IMPORT_MODULE_ERROR = "Runtime.ImportModuleError"
USER_CODE_SYNTAX_ERROR = "Runtime.UserCodeSyntaxError"
HANDLER_NOT_FOUND = "Runtime.HandlerNotFound"
MARSHAL_ERROR = "Runtime.MarshalError"
UNMARSHAL_ERROR = "Runtime.UnmarshalError"
AFTER_RESTORE_ERROR = "Runtime.AfterRestoreError"
LAMBDA_CONTEXT_UNMARSHAL_ERROR = "Runtime.LambdaContextUnmarshalError"

XRAY_CAUSE_LIMIT = 1024 * 1024  # bytes; from here on the reference client sends no such header

_RUNTIME_PACKAGE = __name__.rpartition(".")[0] + "."
_IMPORT_MACHINERY = frozenset(
    ("importlib", "importlib._bootstrap", "importlib._bootstrap_external", "_frozen_importlib",
     "_frozen_importlib_external")
)  # fmt: skip


class Fault(Exception):  # noqa: N818 - what Lambda calls it
    """An error with a name of the Runtime API's own, not the class name of a Python exception."""

    def __init__(self, error_type: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace


def error_result(
    message: str, error_type: str, stack_trace: list[str] | None, request_id: str = ""
) -> ErrorResult:
    """The error report's body, keys in wire order."""
    return {
        "errorMessage": message or "",
        "errorType": error_type or "",
        "requestId": request_id or "",
        "stackTrace": stack_trace or [],
    }


def describe(error: Exception, request_id: str = "") -> tuple[ErrorResult, dict[str, object]]:
    """The error report and the X-Ray cause of an exception that reached the runtime."""
    if isinstance(error, Fault):
        cause = xray_cause("LambdaValidationError", error.message, [])
        return error_result(error.message, error.error_type, error.trace, request_id), cause
    frames = user_frames(error.__traceback__)
    name, message = type(error).__name__, message_of(error)
    result = error_result(message, name, format_frames(frames), request_id)
    return result, xray_cause(name, message, frames)


def message_of(error: BaseException) -> str:
    """`str(error)`; a broken `__str__` must not end the process."""
    try:
        return str(error)
    except Exception:
        return f"<exception {type(error).__name__} whose str() failed>"


def user_frames(traceback: TracebackType | None) -> list[Frame]:
    """The traceback, outermost first, without frames of the runtime and the import system."""
    frames: list[Frame] = []
    while traceback is not None:
        frame = traceback.tb_frame
        module = frame.f_globals.get("__name__")
        if not _is_internal(module):
            code = frame.f_code
            frames.append(
                (
                    code.co_filename,
                    traceback.tb_lineno,
                    code.co_name,
                    source_line(code.co_filename, traceback.tb_lineno, frame.f_globals),
                )
            )
        traceback = traceback.tb_next
    return frames


def _is_internal(module: object) -> bool:
    return isinstance(module, str) and (
        module.startswith(_RUNTIME_PACKAGE) or module in _IMPORT_MACHINERY
    )


def source_line(filename: str, lineno: int, module_globals: dict[str, object]) -> str:
    """The stripped source line, "" if the source is not to be had."""
    import linecache  # lazy: 0.3 ms, and only errors need it

    linecache.checkcache(filename)
    return linecache.getline(filename, lineno, module_globals).strip()


def format_frames(frames: list[Frame]) -> list[str]:
    """Frames as `traceback.format_list` prints them (repeated frames collapsed, no carets)."""
    if not frames:
        return []
    import traceback  # lazy: several ms (re, tokenize, textwrap), and only errors need it

    return traceback.format_list(frames)


def xray_cause(error_type: str, message: str, frames: list[Frame]) -> dict[str, object]:
    """The document of the `Lambda-Runtime-Function-XRay-Error-Cause` header."""
    stack = [{"label": name, "path": path, "line": line} for path, line, name, _ in frames]
    return {
        "working_directory": _working_directory(),
        "exceptions": [{"message": message, "type": error_type, "stack": stack}],
        "paths": list(dict.fromkeys(frame[0] for frame in frames)),
    }


def _working_directory() -> str:
    try:
        return posix.getcwd()
    except OSError:  # the handler removed its own working directory
        return ""


def error_type_header(error_type: str) -> str:
    """`Function.<Class>` or `Runtime.<Reason>`, matching `(Runtime|Function)\\.[A-Z][a-zA-Z]+`."""
    if error_type.startswith("Runtime.") and error_type[8:].isalpha():
        return error_type
    letters = "".join(c for c in error_type if c.isascii() and c.isalpha())
    reason = letters[:1].upper() + letters[1:]
    return "Function." + (reason if len(reason) > 1 else "Error")


def exit_with(message: str) -> SystemExit:
    """Print one clear line on stderr; the caller raises the returned exit (code 1)."""
    line = "".join(c if c.isprintable() else " " for c in message)
    print(f"native-bootstrap: {line}", file=sys.stderr)
    return SystemExit(1)
