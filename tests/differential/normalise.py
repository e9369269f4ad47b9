"""Takes out of a result what differs from run to run or is nobody's business.

That is: times, ports, folders, addresses; frames of the runtime itself and of the import system;
lines and line numbers of the standard library (another patch release has others, and a compiled
program does not carry their text); the carets under source lines (compiled code knows no columns);
how deep a recursion went (it depends on how many frames the runtime itself takes); and of a JSON
response what means the same to every reader: space between tokens, 1e16 for 1e+16.
"""

from __future__ import annotations

import decimal
import json
import re
from typing import Any

from differential.model import Sent
from differential.server import Request

# Headers that matter. Host, Accept and the like belong to the HTTP library; Content-Length was used
# to read the body.
_HEADERS = re.compile(r"content-type|user-agent|lambda-runtime-.*|transfer-encoding|expect")
_CAUSE = "lambda-runtime-function-xray-error-cause"
_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_AGENT = re.compile(r"aws-lambda-python/\d+\.\d+\.\d+-\S+")
_RUNTIME_FILE = re.compile(
    r"<frozen (?!posixpath).*|.*/(awslambdaric|native_bootstrap/runtime|importlib)/[^/]*"
)
_LIBRARY = re.compile(r"(?:.*/lib/python3\.\d+|<frozen)[/ ]([^>]*?)(?:\.py|>)")
_LIBRARY_FOLDER = re.compile(r"/[^\s\"'(]*/lib/python3\.\d+/(?!site-packages)")
_FRAME = re.compile(r'  File "([^"]*)", line (\d+)(, in [^\r\n]*)?')
_CARETS = re.compile(r"\s*[~^]+\s*")
_TOKEN = re.compile(r'[ \t\n\r]*("(?:[^"\\]|\\.)*"|[][{},:]|[^][{},:" \t\n\r]+)[ \t\n\r]*')
_SPACED = {",": ", ", ":": ": "}
_REPEATED = re.compile(r"Previous line repeated \d+ more times?")
_NO_BREAK_SPACE = "\u00a0"


class Normaliser:
    """Knows one run's folders and address."""

    def __init__(self, folders: list[str], address: str) -> None:
        names = sorted({*folders, "/var/task"}, key=len, reverse=True)
        self._folders = re.compile("|".join(re.escape(name) for name in names))
        self._address = address.partition("/")[0]

    def output(self, text: str) -> str:
        """Standard output, standard error, or the text of a log frame."""
        return self._plain("".join(_without_runtime(re.split(r"(?<=[\r\n])", text))))

    def request(self, request: Request) -> Sent:
        """A request to the Runtime API."""
        headers = {n: v for n, v in request.headers.items() if _HEADERS.fullmatch(n)}
        if "user-agent" in headers:
            headers["user-agent"] = _AGENT.sub("<agent>", headers["user-agent"])
        if _CAUSE in headers:
            headers[_CAUSE] = _cause(headers[_CAUSE])
        body = request.body.decode("utf-8", "backslashreplace")
        if request.path.endswith("/error"):
            body = _error(body)
        elif headers.get("content-type") == "application/json":
            body = response(body)
        return Sent(
            method=request.method,
            path=request.path,
            headers=tuple(sorted((n, self._plain(v)) for n, v in headers.items())),
            body=self._plain(body),
        )

    def _plain(self, text: str) -> str:
        text = text.replace(self._address, "<api>")
        text = _MILLISECONDS.sub("<time ms>", text)
        text = _SECONDS.sub("<time s>", text)
        text = _LIBRARY_FOLDER.sub("<stdlib>/", text)
        text = _ADDRESS.sub("0x<address>", text)
        return self._folders.sub("<root>", text)


def response(text: str) -> str:
    """A JSON document in one way of writing it: every token stays, in its place.

    A number keeps its digits; only the form of its exponent is one.
    """
    try:
        json.loads(text)
    except ValueError:
        return text
    return "".join(_token(token) for token in _TOKEN.findall(text))


def _token(token: str) -> str:
    if token[0] != '"' and token[-1].isdigit() and set(token) & set(".eE"):
        return str(decimal.Decimal(token))
    return _SPACED.get(token, token)


def _without_runtime(lines: list[str]) -> list[str]:
    """Lines (with their ends) of any text; JSON log lines are looked into, tracebacks cleaned."""
    kept: list[str] = []
    drop_source = in_frame = False
    for line in lines:
        plain = line.replace(_NO_BREAK_SPACE, " ")
        frame = _FRAME.match(plain)
        if frame is not None:
            in_frame = True
            shown = _frame(frame)
            drop_source = shown != frame.group(0)
            if not shown and kept and kept[-1].endswith("\r") and line.endswith("\n"):
                kept[-1] = kept[-1][:-1] + "\n"  # the line end belongs to the whole message
            if shown:
                kept.append(line.replace(frame.group(0).lstrip(), shown.lstrip()) if not drop_source
                            else shown + line[len(line.rstrip("\r\n")) :])  # fmt: skip
            continue
        if in_frame and plain.startswith("    "):
            if not drop_source and not _CARETS.fullmatch(plain):
                kept.append(line)
            elif kept and kept[-1].endswith("\r") and line.endswith("\n"):
                kept[-1] = kept[-1][:-1] + "\n"
            continue
        in_frame = plain.startswith("  [Previous")
        if line.startswith("{"):
            line = _error(line)
        kept.append(_REPEATED.sub("Previous line repeated", line))
    return kept


def _frame(frame: re.Match[str]) -> str:
    """A frame's line: as it is, without its number (standard library), or "" (runtime)."""
    path, _, name = frame.groups()
    if _RUNTIME_FILE.fullmatch(path):
        return ""
    library = _LIBRARY.fullmatch(path)
    if library is not None and "site-packages" not in path:
        return f'  File "<stdlib>/{library.group(1)}"{name or ""}'
    return frame.group(0)


def _cause(text: str) -> str:
    """The X-Ray cause. Its paths are sorted: the reference client's come out of a set."""
    cause = _parsed(text)
    if cause is None:
        return text
    cause["working_directory"] = "<cwd>"
    for exception in cause["exceptions"]:
        stack: list[dict[str, Any]] = []
        for item in exception["stack"]:
            library = _LIBRARY.fullmatch(item["path"])
            if _RUNTIME_FILE.fullmatch(item["path"]) or (stack and item == stack[-1]):
                continue
            shown = {**item, "path": f"<stdlib>/{library.group(1)}", "line": 0} if library else item
            stack.append(shown)
        exception["stack"] = stack
    cause["paths"] = sorted({item["path"] for e in cause["exceptions"] for item in e["stack"]})
    return _written(cause, text)


def _error(text: str) -> str:
    """A JSON document with a stack trace: an error report, or a log line."""
    end = text[len(text.rstrip("\r\n")) :]
    error = _parsed(text.rstrip("\r\n"))
    if error is None or not isinstance(error.get("stackTrace"), list):
        return text
    cleaned = ["".join(_without_runtime(f.splitlines(keepends=True))) for f in error["stackTrace"]]
    error["stackTrace"] = [frame for frame in cleaned if frame]
    return _written(error, text) + end


def _parsed(text: str) -> dict[str, Any] | None:
    """A JSON object, if writing it again gives the same text; otherwise it is compared as it is."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) and _written(document, text) == text else None


def _written(document: dict[str, Any], like: str) -> str:
    """The document as JSON; ASCII if the original is (it may hold lone surrogates, escaped)."""
    return json.dumps(document, ensure_ascii=like.isascii())
