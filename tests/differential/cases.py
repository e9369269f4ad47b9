"""The cases, as data."""

from __future__ import annotations

from differential.data import (
    BAD_HANDLERS,
    CONTEXTS,
    ENDS,
    ERRORS,
    EVENTS,
    FRAMED_LOGS,
    GOOD_HANDLERS,
    INTROSPECTION,
    LOG_SETTINGS,
    LOGS,
    SHORT_LOGS,
    VALUES,
)
from differential.model import Case, event
from differential.server import Answer

_TWO = (event({"how": "goes-on"}),)  # a second event shows whether the process goes on

_BIG = event({"blob": "x" * 3_000_000})
_OK = Answer(status=200)


def _all() -> list[Case]:
    cases = [
        Case(name=f"value {value}", handler="values.handler", event=event({"value": value}))
        for value in VALUES
    ]
    cases += [
        Case(
            name=f"error {how}",
            handler="raises.handler",
            event=event({"how": how}),
            alone=how == "recursion",  # if it goes wrong, it takes the process with it
        )
        for how in ERRORS
    ]
    cases += [
        Case(
            name=f"introspection {what}", handler="introspects.handler", event=event({"what": what})
        )
        for what in INTROSPECTION
    ]
    cases += [
        Case(name=f"event {name}", handler="echo.handler", event=body)
        for name, body in EVENTS.items()
    ]
    cases += [
        Case(name=f"context {name}", handler="contexts.handler", headers=headers)
        for name, headers in CONTEXTS.items()
    ]
    cases += [
        Case(name=f"client {name}", handler="contexts.client", headers=CONTEXTS[f"client-{name}"])
        for name in ("full", "empty-object", "w3c")
    ]
    cases += _content_types() + _context_parts() + _logging() + _endings() + _init_errors()
    return cases + _transport()


def _content_types() -> list[Case]:
    types = {
        "charset": "application/json; charset=utf-8",
        "upper": "Application/JSON",
        "text": "text/plain",
        "binary": "application/octet-stream",
    }
    return [
        Case(
            name=f"content type {name}",
            handler="echo.described",
            event=b'{"a": 1}',
            headers=(("Content-Type", value),),
        )
        for name, value in types.items()
    ]


def _context_parts() -> list[Case]:
    return [
        Case(
            name="context cognito parts", handler="contexts.identity", headers=CONTEXTS["cognito"]
        ),
        Case(name="context own attributes", handler="contexts.extended"),
        Case(name="context log", handler="contexts.speaks"),
        Case(name="context log framed", handler="contexts.speaks", telemetry=True),
        Case(name="context log without logging", handler="no_logging.handler"),
        Case(name="trace id for children", handler="contexts.environ"),
        Case(name="trace id taken away", handler="contexts.environ", headers=CONTEXTS["no-trace"]),
        Case(name="main thread", handler="contexts.main_thread"),
        Case(
            name="function facts missing",
            handler="contexts.handler",
            environ=tuple(
                (f"AWS_LAMBDA_{name}", None)
                for name in ("FUNCTION_NAME", "FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME")
            ),
        ),
        Case(name="request ids", handler="echo.request", event=b'"x"'),
        *(Case(name=f"handler {name}", handler=name, event=b'"x"') for name in GOOD_HANDLERS),
        Case(name="handler with one parameter", handler="echo.arity"),
        Case(name="handler not callable", handler="echo.not_callable"),
        Case(name="error in a package", handler="pkg/inner/deep.fails"),
    ]


def _logging() -> list[Case]:
    shown = [
        Case(
            name=f"log {setting} {do}",
            handler="logs.handler",
            event=event({"do": do}),
            headers=(("Lambda-Runtime-Aws-Tenant-Id", "tenant-1"),),
            environ=environ,
        )
        for setting, environ in LOG_SETTINGS.items()
        for do in (LOGS if setting in ("text", "json") else SHORT_LOGS)
    ]
    framed = [
        Case(
            name=f"frames {setting} {do}",
            handler="logs.handler",
            event=event({"do": do}),
            environ=LOG_SETTINGS[setting],
            telemetry=True,
        )
        for setting in ("text", "json", "json-debug", "text-info")
        for do in FRAMED_LOGS
    ]
    return [
        *shown,
        *framed,
        Case(name="log imported late", handler="no_logging.late"),
        Case(name="log during init", handler="chatty.handler", alone=True, more=(b"{}",)),
    ]


def _endings() -> list[Case]:
    return [
        Case(
            name=f"end {how}",
            handler="ends.handler",
            event=event({"how": how}),
            more=_TWO,
            alone=True,
        )
        for how in ENDS
    ]


def _init_errors() -> list[Case]:
    cases = [
        Case(name=f"init {handler or 'empty'}", handler=handler, alone=True)
        for handler in BAD_HANDLERS
    ]
    for setting in ("json", "text-info"):
        cases += [
            Case(
                name=f"init {setting} {handler}",
                handler=handler,
                alone=True,
                telemetry=telemetry,
                environ=LOG_SETTINGS[setting],
            )
            for handler, telemetry in (("raising.handler", False), ("syn.handler", True))
        ]
    cases.append(
        Case(name="init error framed", handler="raising.handler", alone=True, telemetry=True)
    )
    cases.append(
        Case(name="init error with prefix", handler="nodot", alone=True, prefix="/Function")
    )
    return cases


def _transport() -> list[Case]:
    def case(name: str, **fields: object) -> Case:
        usual = {"handler": "ends.handler", "event": event({"how": "goes-on"}), "more": _TWO}
        return Case(name=name, alone=True, **{**usual, **fields})  # type: ignore[arg-type]

    invalid = (
        b'{"errorMessage": "State transition is not allowed", '
        b'"errorType": "InvalidStateTransition"}'
    )
    too_large = (
        b'{"errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).", '
        b'"errorType": "RequestEntityTooLarge"}'
    )
    deliveries = ("chunked", "bytewise", "slow", "close")
    return [
        case("path prefix", prefix="/My-Function"),
        case(
            "path prefix and an error",
            prefix="/F",
            handler="raises.handler",
            event=event({"how": "simple"}),
            more=(),
        ),
        *(case(f"next {d}", next=Answer(status=200, delivery=d)) for d in deliveries),
        *(case(f"post {d}", post=Answer(delivery=d)) for d in deliveries),
        case("next dropped on the first connection", drop_next_at=0),
        case("next dropped while idle", drop_next_at=1),
        case(
            "next dropped after closing", next=Answer(status=200, delivery="close"), drop_next_at=1
        ),
        case("post dropped", post=Answer(drop_first=True)),
        case("post dropped for good", post=Answer(delivery="drop")),
        case("post garbage", post=Answer(delivery="garbage")),
        case("post truncated", post=Answer(delivery="truncate")),
        case("post answered 200", post=_OK),
        case("post answered 204 without body", post=Answer(status=204, body=b"", headers=())),
        case("post answered without body", post=Answer(body=b"", headers=())),
        case("post 413", post=Answer(status=413, body=too_large)),
        case("post 413 plain text", post=Answer(status=413, body=b"too large")),
        case("post 403", post=Answer(status=403, body=invalid)),
        case("post 400", post=Answer(status=400, body=b'{"errorType": "InvalidRequestID"}')),
        case("post 500", post=Answer(status=500, body=b"{}")),
        case(
            "error post 403",
            handler="raises.handler",
            event=event({"how": "simple"}),
            more=(),
            post=Answer(status=403, body=invalid),
        ),
        case("next 500", next=Answer(status=500, body=b'{"errorType": "Internal"}')),
        case("next 403", next=Answer(status=403, body=invalid)),
        case("next garbage", next=Answer(status=599, delivery="garbage")),
        case("next truncated", next=Answer(status=200, delivery="truncate")),
        case("next without request id", headers=(("Lambda-Runtime-Aws-Request-Id", None),)),
        case("next without content type", headers=(("Content-Type", None),)),
        case("next with an empty content type", headers=(("Content-Type", ""),)),
        case(
            "next with a deadline that is none", headers=(("Lambda-Runtime-Deadline-Ms", "soon"),)
        ),
        case("init error answered 403", handler="nodot", init=Answer(status=403, body=invalid)),
        case("init error answered 200", handler="nodot", init=_OK),
        case("no api address", environ=(("AWS_LAMBDA_RUNTIME_API", None),)),
        case("nobody listens", environ=(("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),)),
        case("no handler", arguments=()),
        case("handler from _HANDLER", arguments=(), environ=(("_HANDLER", "ends.handler"),)),
        case("argument before _HANDLER", environ=(("_HANDLER", "no.such"),)),
        case("large event", handler="echo.handler", event=_BIG, more=()),
        case("many events", more=_TWO * 30),
        case("async handler", handler="awaits.handler", event=b'"x"'),
        case("async handler fails", more=(), handler="awaits.fails"),
        case(
            "lone surrogate returned",
            more=(),
            handler="values.handler",
            event=event({"value": "lone-surrogate"}),
        ),
        case("lone surrogate in an event", more=(), handler="echo.handler", event=b'"\\ud800"'),
        case(
            "lone surrogate in an error",
            more=(),
            handler="raises.handler",
            event=event({"how": "surrogate"}),
        ),
        case(
            "error without a text",
            more=(),
            handler="raises.handler",
            event=event({"how": "bad-text"}),
        ),
        case(
            "outside a managed runtime",
            more=(),
            handler="echo.handler",
            event='"é"'.encode(),
            environ=(("AWS_EXECUTION_ENV", None),),
        ),
    ]


CASES = _all()
assert len({case.name for case in CASES}) == len(CASES), "names are unique"
