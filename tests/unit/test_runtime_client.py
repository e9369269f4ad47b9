"""The interpreted client and the library's front door, against the scripted Runtime API."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # the scripted server lives with its main user

from differential.model import NEXT_HEADERS
from differential.server import Answer, RuntimeApi, Step

import native_bootstrap
from native_bootstrap import (
    LambdaBootstrap,
    RuntimeApiClient,
    RuntimeApiError,
    Serializer,
    raw,
    typed,
)
from native_bootstrap.runtime import context, faults, logs, watch

ID = NEXT_HEADERS["Lambda-Runtime-Aws-Request-Id"]
ERROR = faults.error_result("broken", "My_Error", ["  File x\n"], ID)


def delivers(event: bytes, **headers: str) -> Step:
    fields = {**NEXT_HEADERS, **{name.replace("_", "-"): v for name, v in headers.items()}}
    return Step(next=Answer(status=200, body=event, headers=tuple(fields.items())))


@pytest.fixture
def serve(monkeypatch):
    """Start a server with these steps; afterwards everything it knows about is put back."""
    servers = []

    def start(*steps: Step, **options) -> RuntimeApi:
        servers.append(RuntimeApi(list(steps), **options))
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", servers[-1].address)
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect():
    """Clients of the server that was started last."""
    clients = []

    def client() -> RuntimeApiClient:
        clients.append(RuntimeApiClient())
        return clients[-1]

    yield client
    for made in clients:
        made.close()


@pytest.fixture
def process(monkeypatch):
    """Undo what a runtime does to its process."""
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    monkeypatch.setattr(logging.Formatter, "converter", logging.Formatter.converter)
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logs.current.request_id = ""
    context._process.function = ()
    context._process.sink = None
    watch._callbacks.clear()
    os.environ.pop("_X_AMZN_TRACE_ID", None)


def answers(bootstrap: LambdaBootstrap, server: RuntimeApi) -> list:
    """Run until the server has no more; every posted body, parsed where it is JSON."""
    with pytest.raises(SystemExit) as ended:
        bootstrap.run()
    assert ended.value.code == 1
    found = []
    for request in (r for turn in server.turns for r in turn.requests):
        is_json = request.headers["content-type"] == "application/json"
        found.append(json.loads(request.body) if is_json else request.body)
    return found


STOP = Step(next=Answer(status=500))


def test_one_connection_serves_every_call(serve, connect):
    server = serve(delivers(b'"x"', Lambda_Runtime_Invocation_Id="inv"), delivers(b"2"))
    client = connect()
    first = client.get_next_invocation()
    assert (first.request_id, first.body, first.invocation_id) == (ID, b'"x"', "inv")
    assert first.deadline_ms == 4102444800000
    client.send_response(first.request_id, b"1", invocation_id=first.invocation_id)
    client.get_next_invocation()
    client.report_invocation_error(ID, ERROR, {"exceptions": ["é"]})
    client.report_initialization_error(ERROR)
    assert server.connections == 1
    response, error, init = [r for turn in server.turns for r in turn.requests]
    assert response.path == f"/2018-06-01/runtime/invocation/{ID}/response"
    assert response.headers["lambda-runtime-invocation-id"] == "inv"
    assert response.body == b"1"
    assert error.headers["lambda-runtime-function-error-type"] == "Function.MyError"
    assert error.headers["lambda-runtime-function-xray-error-cause"] == '{"exceptions": ["é"]}'
    assert json.loads(error.body) == ERROR
    assert init.headers["lambda-runtime-function-error-type"] == "My_Error"
    version = ".".join(map(str, sys.version_info[:3]))
    agent = f"aws-lambda-python/{version}-native-bootstrap/{native_bootstrap.__version__}"
    assert {r.headers["user-agent"] for r in (response, error, init)} == {agent}


def test_a_prefix_is_put_before_every_path(serve, connect):
    server = serve(delivers(b"1"), prefix="/Some-Name")
    client = connect()
    client.get_next_invocation()
    client.send_response(ID, b"1")
    client.report_initialization_error(ERROR)
    paths = [r.path for turn in server.turns for r in turn.requests]
    assert all(path.startswith("/Some-Name/2018-06-01/runtime/") for path in paths)


@pytest.mark.parametrize("delivery", ["chunked", "bytewise", "slow", "close"])
def test_answers_in_pieces(serve, connect, delivery):
    step = delivers(b'{"a": "' + b"x" * 1000 + b'"}')
    serve(*[dataclasses.replace(step, next=dataclasses.replace(step.next, delivery=delivery))] * 2)
    client = connect()
    for _ in range(2):
        assert len(client.get_next_invocation().body) == 1009


def test_a_connection_that_was_closed_while_idle_is_opened_again(serve, connect):
    first, second = delivers(b"1"), delivers(b"2")
    second = dataclasses.replace(second, next=dataclasses.replace(second.next, drop_first=True))
    server = serve(first, second)
    client = connect()
    assert client.get_next_invocation().body == b"1"
    assert client.get_next_invocation().body == b"2"
    assert server.connections == 2


def test_a_fresh_connection_is_not_tried_twice(serve, connect):
    server = serve(Step(next=Answer(status=200, delivery="drop")))
    with pytest.raises(OSError, match="next failed"):
        connect().get_next_invocation()
    assert server.connections == 1


@pytest.mark.parametrize("delivery", ["garbage", "truncate"])
def test_what_is_no_http_is_an_os_error(serve, connect, delivery):
    serve(Step(next=Answer(status=200, delivery=delivery, body=b"x" * 100)))
    with pytest.raises(OSError, match=r"GET http://127\.0\.0\.1:\d+/2018-06-01/.* failed"):
        connect().get_next_invocation()


def test_refusals_are_told_with_their_words(serve, connect):
    body = b'{"errorMessage": "too big", "errorType": "RequestEntityTooLarge"}'
    serve(dataclasses.replace(delivers(b"1"), post=Answer(status=413, body=body)))
    client = connect()
    client.get_next_invocation()
    with pytest.raises(RuntimeApiError) as refused:
        client.send_response(ID, b"1")
    assert refused.value.status == 413
    assert refused.value.error_type == "RequestEntityTooLarge"
    assert str(refused.value) == (
        "the Runtime API answered /response with 413: too big (RequestEntityTooLarge)"
    )


@pytest.mark.parametrize("address", ["", "nothing:here", ":80"])
def test_an_address_that_is_none(monkeypatch, address):
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", address)
    with pytest.raises((OSError, SystemExit)):
        RuntimeApiClient()


def test_a_function_runs(serve, process):
    seen = []

    def handler(event, lambda_context):
        seen.append((event, lambda_context.aws_request_id, os.environ["_X_AMZN_TRACE_ID"]))
        return {"got": event}

    server = serve(delivers(b'{"a": 1}'), delivers(b'"\xc3\xa9"'), STOP)
    assert answers(LambdaBootstrap(handler), server) == [{"got": {"a": 1}}, {"got": "é"}]
    trace = NEXT_HEADERS["Lambda-Runtime-Trace-Id"]
    assert seen == [({"a": 1}, ID, trace), ("é", ID, trace)]
    assert server.connections == 1


def test_coroutines_share_one_event_loop(serve, process):
    loops = []

    async def handler(event, _):
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        if event == 2:
            raise ValueError("two")
        return event

    server = serve(delivers(b"1"), delivers(b"2"), delivers(b"3"), STOP)
    first, second, third = answers(LambdaBootstrap(handler), server)
    assert (first, third) == (1, 3)
    assert second["errorMessage"] == "two"
    assert len(second["stackTrace"]) == 1
    assert " in handler\n" in second["stackTrace"][0]
    assert len(set(loops)) == 1
    loops[0].close()


def test_bytes_in_bytes_out(serve, process):
    server = serve(delivers(b"\x00\xff"), STOP)
    assert answers(LambdaBootstrap(lambda e, _: e + b"!").raw(), server) == [b"\x00\xff!"]


def test_a_raw_handler_must_return_bytes(serve, process):
    server = serve(delivers(b"1"), STOP)
    (error,) = answers(LambdaBootstrap(raw(lambda e, _: 1)), server)
    assert error["errorType"] == "Runtime.MarshalError"
    assert error["errorMessage"].endswith("must return bytes or str, not int")


@dataclasses.dataclass
class Order:
    name: str
    count: int = 1


@dataclasses.dataclass
class Receipt:
    total: int
    orders: list[Order]


def test_typed_handlers(serve, process):
    def handler(order: Order, _) -> Receipt:
        return Receipt(order.count * 2, [order])

    server = serve(delivers(b'{"name": "tea", "count": 2}'), delivers(b'{"count": 1}'), STOP)
    receipt, error = answers(LambdaBootstrap(handler).typed(), server)
    assert receipt == {"total": 4, "orders": [{"name": "tea", "count": 2}]}
    assert error["errorType"] == "Runtime.UnmarshalError"
    assert error["errorMessage"] == "Unable to unmarshal input: event.name is missing"


def test_a_serializer_of_ones_own(serve, process):
    class Lines(Serializer):
        def loads(self, body, content_type):
            return body.decode().splitlines()

        def dumps(self, value):
            return "\n".join(value).encode(), "text/plain"

    server = serve(delivers(b"a\nb", Content_Type="text/plain"), STOP)
    bootstrap = LambdaBootstrap(lambda e, _: reversed(e)).with_serializer(Lines())
    assert answers(bootstrap, server) == [b"b\na"]
    assert server.turns[1].requests[0].headers["content-type"] == "text/plain"


def test_a_client_of_ones_own(serve, process):
    class Counting:
        calls = 0

        def request(self, method, path, headers, body):
            self.calls += 1
            return 500, {}, b""

        def close(self):
            pass

    transport = Counting()
    bootstrap = LambdaBootstrap(lambda e, _: e).with_client(RuntimeApiClient(transport=transport))
    with pytest.raises(SystemExit):
        bootstrap.run()
    assert transport.calls == 1


def test_a_handler_by_name(serve, process, tmp_path, monkeypatch):
    (tmp_path / "named_function.py").write_text(
        "from native_bootstrap import raw\n\n\n@raw\ndef handler(event, context):\n"
        "    return event[::-1]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    server = serve(delivers(b"abc"), STOP)
    assert answers(LambdaBootstrap("named_function.handler"), server) == [b"cba"]


def test_decorators_belong_on_the_named_function():
    with pytest.raises(TypeError, match="carries its own decorators"):
        LambdaBootstrap("app.handler").typed()


def test_an_init_error_ends_the_process(serve, process, capsys):
    server = serve(STOP)
    (error,) = answers(LambdaBootstrap("nodot"), server)
    assert error["errorType"] == "Runtime.MalformedHandlerName"
    assert server.turns[0].requests[0].path.endswith("/runtime/init/error")


def test_log_records_carry_the_request(serve, process, capsys):
    def handler(event, lambda_context):
        logging.getLogger("shop").warning("sold %d", event)
        lambda_context.log("as it is\n")

    answers(LambdaBootstrap(handler), serve(delivers(b"3"), STOP))
    out = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in out] == ["[WARNING]", "as it is"]
    assert out[0].split("\t")[2:] == [ID, "sold 3"]


def test_everything_public_is_there():
    for name in native_bootstrap.__all__:
        assert getattr(native_bootstrap, name) is not None
    assert set(native_bootstrap.__all__) <= set(dir(native_bootstrap))
    assert native_bootstrap.typed is typed
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        native_bootstrap.nothing  # noqa: B018


def test_no_control_character_gets_into_a_header(serve, connect):
    server = serve(delivers(b"1"))
    client = connect()
    client.get_next_invocation()
    client.report_invocation_error(ID, ERROR, {"message": "\r\n\x01\x7f\x85"})
    client.report_initialization_error({**ERROR, "errorType": "A\r\nX-Split: yes\x7f"})
    error, init = [r for turn in server.turns for r in turn.requests]
    assert init.headers["lambda-runtime-function-error-type"] == "A__X-Split: yes_"
    assert json.loads(init.body)["errorType"] == "A\r\nX-Split: yes\x7f"
    cause = error.headers["lambda-runtime-function-xray-error-cause"]
    assert json.loads(cause) == {"message": "\r\n\x01\x7f\x85"}
    assert not {chr(code) for code in (*range(32), 127)} & set(cause)
