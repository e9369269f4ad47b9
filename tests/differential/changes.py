"""The vocabulary of differences.py: whom a row concerns, and what becomes of an outcome."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable

from differential.cases import CASES
from differential.model import Case, Outcome, Sent
from differential.server import REQUEST_ID

Change = Callable[[Case, Outcome], Outcome]
REQUEST = REQUEST_ID.format(1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """One row."""

    reason: str
    concerns: Callable[[Case, Outcome], bool]
    change: Change
    message: str | None = None  # a pattern for our standard error, where only ours has a message
    contender: str | None = None  # None: all of ours


def named(*names: str) -> Callable[[Case, Outcome], bool]:
    """The row concerns these cases."""
    unknown = set(names) - {case.name for case in CASES}
    assert not unknown, f"no such cases: {unknown}"
    return lambda case, _: case.name in names


def sent(method_path: str, body: str, **headers: str) -> Sent:
    fields = {"content-type": "application/json", "user-agent": "<agent>"}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    return Sent(
        method="POST",
        path=f"/2018-06-01/runtime/{method_path}",
        headers=tuple(sorted(fields.items())),
        body=body,
    )


def response(body: str) -> Sent:
    return sent(f"invocation/{REQUEST}/response", body)


def becomes(**fields: object) -> Change:
    return lambda _, outcome: dataclasses.replace(outcome, **fields)  # type: ignore[arg-type]


def rewritten(text: str, by: str) -> Change:
    """Another wording, wherever it stands."""

    def change(_: Case, outcome: Outcome) -> Outcome:
        requests = (
            dataclasses.replace(
                request,
                headers=tuple((n, v.replace(text, by)) for n, v in request.headers),
                body=request.body.replace(text, by),
            )
            for request in outcome.sent
        )
        return dataclasses.replace(
            outcome, sent=tuple(requests), stdout=outcome.stdout.replace(text, by)
        )

    return change


def goes_on(stdout: str = "", body: str = '"goes on"', count: int = 2) -> Change:
    """The process serves all its invocations."""
    return becomes(
        sent=(response(body),) * count, stdout=stdout, stderr="", exit_code=None, init=False
    )


def _type_header(error_type: str) -> str:
    if error_type.startswith("Runtime."):
        return error_type
    letters = re.sub("[^A-Za-z]", "", error_type)
    return f"Function.{letters[0].upper()}{letters[1:]}"


def with_type_header(_: Case, outcome: Outcome) -> Outcome:
    def change(sent: Sent) -> Sent:
        if not sent.path.endswith("/error") or sent.path.endswith("/init/error"):
            return sent
        found = re.search(r'"errorType": "([^"]*)", "requestId"', sent.body)
        assert found is not None
        return sent.with_header("lambda-runtime-function-error-type", _type_header(found[1]))

    return dataclasses.replace(outcome, sent=tuple(change(sent) for sent in outcome.sent))


def init_report(error_type: str, message: str, trace: list[str], prefix: str = "") -> Change:
    """The process reports this init error and ends without a traceback."""
    error = {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": "",
        "stackTrace": trace,
    }
    report = sent(
        "init/error",
        json.dumps(error, ensure_ascii=False),
        lambda_runtime_function_error_type=error_type,
    )
    report = dataclasses.replace(report, path=prefix + report.path)
    return becomes(sent=(report,), stderr="", init=True)


def posts_errors(_: Case, outcome: Outcome) -> bool:
    return any(
        s.path.endswith("/error") and not s.path.endswith("/init/error") for s in outcome.sent
    )


def with_init_headers(_: Case, outcome: Outcome) -> Outcome:
    sent = (
        s.with_header("content-type", "application/json").with_header("user-agent", "<agent>")
        for s in outcome.sent
    )
    return dataclasses.replace(outcome, sent=tuple(sent))


def as_utf_8(_: Case, outcome: Outcome) -> Outcome:
    def change(sent: Sent) -> Sent:
        text = re.sub(r"\\x([89a-f][0-9a-f])", lambda m: chr(int(m[1], 16)), sent.body)
        return dataclasses.replace(sent, body=_cleaned(text))

    return dataclasses.replace(outcome, sent=tuple(change(sent) for sent in outcome.sent))


def _cleaned(body: str) -> str:
    """Take the import system's frames out of a body the normaliser could not read."""
    return re.sub(r'"  File \\"(?:<frozen |[^"]*importlib/)(?:[^"\\]|\\.)*", ', "", body)


def reports(
    error_type: str, message: str, *frames: tuple[str, int, str, str], ascii_only: bool = False
) -> Change:
    """The one invocation ends with this error, in the report as in the log; the process lives."""
    runtime = error_type.startswith("Runtime.")
    trace = [f'  File "<root>/{f}", line {n}, in {name}\n    {s}\n' for f, n, name, s in frames]
    stack = [{"label": name, "path": f"<root>/{f}", "line": n} for f, n, name, _ in frames]
    cause = {
        "working_directory": "<cwd>",
        "exceptions": [
            {
                "message": message,
                "type": "LambdaValidationError" if runtime else error_type,
                "stack": stack,
            }
        ],
        "paths": sorted({item["path"] for item in stack}),
    }
    error = {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": REQUEST,
        "stackTrace": trace,
    }
    report = sent(
        f"invocation/{REQUEST}/error",
        json.dumps(error, ensure_ascii=ascii_only),
        lambda_runtime_function_error_type=_type_header(error_type),
        lambda_runtime_function_xray_error_cause=json.dumps(cause, ensure_ascii=ascii_only),
    )
    lines = [f"[ERROR] {error_type}: {message}", "Traceback (most recent call last):"]
    for element in trace:
        for line in element.splitlines():
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    log = "\r".join(lines) + "\n"
    log = log.encode("utf-8", "backslashreplace").decode()
    return becomes(sent=(report,), stdout=log, stderr="", exit_code=None, init=False)
