"""Every deliberate difference from the reference client, with its reason.

A difference says which cases it concerns and turns the reference client's outcome into the one we
want. The suite requires that our outcome is exactly that, and that the change did change something:
a row that no longer makes a difference fails.
"""

from __future__ import annotations

import dataclasses
import json

from differential.changes import (
    Difference,
    as_utf_8,
    becomes,
    goes_on,
    init_report,
    named,
    posts_errors,
    reports,
    response,
    rewritten,
    with_init_headers,
    with_type_header,
)
from differential.model import Case, Outcome


def expected(case: Case, reference: Outcome, contender: str) -> tuple[Outcome, list[Difference]]:
    """What we want in place of the reference client's outcome, and the rows that say so."""
    rows = [
        row
        for row in DIFFERENCES
        if row.contender in (None, contender) and row.concerns(case, reference)
    ]
    wanted = reference
    for row in rows:
        changed = row.change(case, wanted)
        assert changed != wanted or row.message, f"no difference any more: {row.reason}"
        wanted = changed
    return wanted, rows


_UNREACHABLE = r"native-bootstrap: the Runtime API gave no answer: .+\n"
_ANSWERED = r"native-bootstrap: the Runtime API answered /{} with {}.*\n"
_SURROGATE = (
    "Unable to marshal response: 'utf-8' codec can't encode character '\\ud800' in position 1: "
    "surrogates not allowed"
)

_HANDLER_FRAME = ("raises.py", 185, "handler", 'return HOW[event["how"]]()')
_RAISE_FRAME = ("raises.py", 139, "raise_", "raise error")

_EVERYTHING = [
    "awaits", "contexts", "echo", "ends", "introspects", "logs", "no_logging", "pkg", "raises",
    "values",
]  # fmt: skip

DIFFERENCES = (
    Difference(
        reason="An invocation error names its type in a header, as the Runtime API documents.",
        concerns=posts_errors,
        change=with_type_header,
    ),
    Difference(
        reason="An init error has a content type and a user agent, like any other call.",
        concerns=lambda _, outcome: outcome.init,
        change=with_init_headers,
    ),
    Difference(
        reason="An init error's body is UTF-8; the reference client's is Latin-1.",
        concerns=named("init émil.handler", "init own_error.handler"),
        change=as_utf_8,
    ),
    Difference(
        reason="An init error beyond Latin-1 is reported; the reference client dies of it.",
        concerns=named("init not_utf8.handler"),
        change=init_report(
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'not_utf8': (unicode error) 'utf-8' codec can't decode byte "
            "0xff in position 0: invalid start byte (not_utf8.py, line 2)",
            ['  File "<root>/not_utf8.py" Line 2\n    name = "\ufffd"\n'],
        ),
    ),
    Difference(
        reason="Init errors are reported under a path prefix, too; the reference client dies.",
        concerns=named("init error with prefix"),
        change=init_report(
            "Runtime.MalformedHandlerName",
            "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
            [],
            prefix="/Function",
        ),
    ),
    Difference(
        reason="Any 2xx is success.",
        concerns=named("init error answered 200"),
        change=becomes(stderr=""),
    ),
    Difference(
        reason="A refused init error ends with one line, not a traceback.",
        concerns=named("init error answered 403"),
        change=becomes(stderr=""),
        message=_ANSWERED.format("error", "403"),
    ),
    Difference(
        reason="When the Runtime API fails, one line on stderr says so, not a traceback.",
        concerns=named(
            "next dropped on the first connection",
            "next garbage",
            "next truncated",
            "nobody listens",
            "post garbage",
            "post truncated",
        ),
        change=becomes(stdout="", stderr=""),
        message=_UNREACHABLE,
    ),
    Difference(
        reason="An answer that ends the process ends it with one line, not a traceback.",
        concerns=named("next 500", "next 403", "post 500"),
        change=becomes(stdout="", stderr=""),
        message=_ANSWERED.format("(next|response)", "(500|403)"),
    ),
    Difference(
        reason="An answer without request id ends with one line, not a traceback.",
        concerns=named("next without request id"),
        change=becomes(stdout="", stderr=""),
        message=_ANSWERED.format("next", "200: no Lambda-Runtime-Aws-Request-Id"),
    ),
    Difference(
        reason="A connection found closed before any byte of the answer is opened once more, for a "
        "response, too; a second copy would be refused with 400, which is survived.",
        concerns=named("post dropped"),
        change=goes_on(count=4),  # each response is sent twice
    ),
    Difference(
        reason="The same, when the connection is closed again.",
        concerns=named("post dropped for good"),
        change=becomes(sent=(response('"goes on"'),) * 2, stderr=""),
        message=_UNREACHABLE,
    ),
    Difference(
        reason="A response that is too large costs one invocation, not the process.",
        concerns=named("post 413"),
        change=goes_on(
            "[ERROR] RequestEntityTooLarge: the Runtime API answered /response with 413: "
            "Exceeded maximum allowed payload size (6291556 bytes).\n" * 2
        ),
    ),
    Difference(
        reason="The same, if the answer is no JSON.",
        concerns=named("post 413 plain text"),
        change=goes_on(
            "[ERROR] RuntimeApiError: the Runtime API answered /response with 413: too large\n" * 2
        ),
    ),
    Difference(
        reason="A response in the wrong state costs one invocation, not the process.",
        concerns=named("post 403"),
        change=goes_on(
            "[ERROR] InvalidStateTransition: the Runtime API answered /response with 403: "
            "State transition is not allowed\n" * 2
        ),
    ),
    Difference(
        reason="A response nobody waits for costs one invocation, not the process.",
        concerns=named("post 400"),
        change=goes_on(
            "[ERROR] InvalidRequestID: the Runtime API answered /response with 400\n" * 2
        ),
    ),
    Difference(
        reason="An error report in the wrong state costs one invocation, not the process.",
        concerns=named("error post 403"),
        change=lambda _, outcome: dataclasses.replace(
            outcome,
            stdout=outcome.stdout.rpartition("[ERROR] [")[0]
            + "[ERROR] InvalidStateTransition: the Runtime API answered /error with 403: "
            "State transition is not allowed\n",
            stderr="",
            exit_code=None,
        ),
    ),
    Difference(
        reason="An answer to /next without content type is JSON; the reference client crashes.",
        concerns=named("next without content type", "next with an empty content type"),
        change=goes_on(),
    ),
    Difference(
        reason="A deadline that is no number counts as none; the reference client crashes.",
        concerns=named("next with a deadline that is none"),
        change=goes_on(),
    ),
    Difference(
        reason="A missing AWS_LAMBDA_RUNTIME_API gets a sentence, not a traceback.",
        concerns=named("no api address"),
        change=becomes(stderr=""),
        message=r"native-bootstrap: AWS_LAMBDA_RUNTIME_API is not set\. .+\n",
    ),
    Difference(
        reason="Compiled functions count as C calls: their recursion ends later, in other words.",
        concerns=named("error recursion"),
        change=rewritten(
            "maximum recursion depth exceeded",
            "maximum recursion depth exceeded while calling a Python object",
        ),
        contender="compiled",
    ),
    Difference(
        reason="Nuitka marks the modules it compiled.",
        concerns=named("introspection globals"),
        change=rewritten('"__cached__"', '"__cached__", "__compiled__"'),
        contender="compiled",
    ),
    Difference(
        reason="Nuitka lets an environment variable extend a package; its default is in the path.",
        concerns=named("introspection package"),
        change=rewritten('["<root>/pkg"]', '["<root>/pkg", "/not_existing"]'),
        contender="compiled",
    ),
    Difference(
        reason="A missing handler gets a sentence, not a traceback.",
        concerns=named("no handler"),
        change=becomes(stderr=""),
        message=r"native-bootstrap: no handler: .+\n",
        contender="interpreted",
    ),
    Difference(
        reason="A compiled program has a handler built in.",
        concerns=named("no handler"),
        change=goes_on(body=json.dumps(_EVERYTHING)),
        contender="compiled",
    ),
    Difference(
        reason="_HANDLER names the handler where no argument does.",
        concerns=named("handler from _HANDLER"),
        change=goes_on(),
    ),
    Difference(
        reason="Coroutine handlers are awaited, on one event loop.",
        concerns=named("async handler"),
        change=becomes(
            sent=(
                response('{"event": "x", "loops": 1}'),
                response('{"event": {"how": "goes-on"}, "loops": 1}'),
            ),
            stdout="",
            stderr="",
        ),
    ),
    Difference(
        reason="An error in a coroutine is reported like any other.",
        concerns=named("async handler fails"),
        change=reports(
            "ValueError",
            "in a coroutine",
            ("awaits.py", 16, "fails", "await deeper()"),
            ("awaits.py", 20, "deeper", 'raise ValueError("in a coroutine")'),
        ),
    ),
    Difference(
        reason="A lone surrogate in a response is an invocation error, not the end of the process.",
        concerns=named("lone surrogate returned", "lone surrogate in an event"),
        change=reports("Runtime.MarshalError", _SURROGATE),
    ),
    Difference(
        reason="A lone surrogate in an error message is escaped; the reference client dies of it.",
        concerns=named("lone surrogate in an error"),
        change=reports(
            "MyError",
            "\ud800",
            _HANDLER_FRAME,
            ("raises.py", 168, "<lambda>", '"surrogate": lambda: raise_(MyError("\\ud800")),'),
            _RAISE_FRAME,
            ascii_only=True,
        ),
    ),
    Difference(
        reason="An exception without a text is reported; the reference client dies of it.",
        concerns=named("error without a text"),
        change=reports(
            "BadText",
            "<exception BadText whose str() failed>",
            _HANDLER_FRAME,
            ("raises.py", 180, "<lambda>", '"bad-text": lambda: raise_(BadText()),'),
            _RAISE_FRAME,
        ),
    ),
    Difference(
        reason="Non-ASCII text is never escaped; the reference client does it outside Lambda.",
        concerns=named("outside a managed runtime"),
        change=becomes(sent=(response('"é"'),)),
    ),
)
