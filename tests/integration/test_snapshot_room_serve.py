"""Invocations in the clean room: a Runtime API inside it, for the run that verifies an image."""

from __future__ import annotations

import json
import signal
import time

import pytest
from rooms import WAYS, marker, nothing_left, processes, script_room

from build_scripts import targets
from build_scripts.log import quiet
from build_scripts.snapshot import room

CLIENT = """
import socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
connection = socket.create_connection((host, int(port)))
stream = connection.makefile("rb")
def request(method, path, body=b""):
    head = f"{method} /2018-06-01/runtime{path} HTTP/1.1\\r\\nHost: x\\r\\n"
    length = f"Content-Length: {len(body)}\\r\\n\\r\\n"
    connection.sendall(head.encode() + length.encode() + body)
    status = stream.readline().decode().strip()
    headers = {}
    while (line := stream.readline()) != b"\\r\\n":
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, stream.read(int(headers["content-length"]))
def next_event():
    status, headers, body = request("GET", "/invocation/next")
    assert status == "HTTP/1.1 200 OK", status
    return headers["lambda-runtime-aws-request-id"], headers, body
"""
ECHO = """
while True:
    name, headers, body = next_event()
    status = request("POST", f"/invocation/{name}/response", body[::-1])[0]
    assert status == "HTTP/1.1 202 Accepted", status
    print("answered", name, flush=True)
"""


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    with nothing_left(tmp_path / "scratch", monkeypatch):
        yield


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    monkeypatch.setattr(room, "ways", lambda: (request.param,))
    return request.param


def serve(text, *events, **more):
    return room.serve(script_room(CLIENT + text, **more), list(events), log=quiet())


def test_answers(way):
    served = serve(ECHO, b"one", b"", b"three" * 100_000)
    assert [(one.kind, one.ok, one.body) for one in served.answers] == [
        ("response", True, b"eno"),
        ("response", True, b""),
        ("response", True, b"eerht" * 100_000),
    ]
    assert served.complete
    assert (served.finished.signal, served.finished.timed_out) == (signal.SIGKILL, False)
    names = [f"00000000-0000-4000-8000-{number:012d}" for number in range(3)]
    printed = served.finished.stdout.decode().split("\n")
    assert printed == [*[f"answered {name}" for name in names], ""]


def test_times():
    served = serve(ECHO, b"one", b"two")
    first, second, third = served.asked
    assert 0 < first < served.answers[0].seconds < second < served.answers[1].seconds < third
    assert third <= served.finished.seconds


def test_what_an_event_comes_with():
    text = """
name, headers, body = next_event()
facts = {"headers": headers, "pid": os.getpid(), "environ": dict(os.environ)}
request("POST", f"/invocation/{name}/response", json.dumps(facts).encode())
next_event()
"""
    start = time.time()
    [answer] = serve(text, b"{}", environ={"A": "1"}, timeout=20.0).answers
    facts = json.loads(answer.body)
    assert facts["pid"] == 2
    assert facts["environ"] == {"A": "1", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    deadline = int(facts["headers"]["lambda-runtime-deadline-ms"]) / 1000
    assert start + 19 < deadline < time.time() + 21
    names = ("invoked-function-arn", "trace-id")
    assert all(facts["headers"][f"lambda-runtime-{name}"] for name in names)


def test_errors():
    text = """
name, headers, body = next_event()
request("POST", f"/invocation/{name}/error", b"no")
request("GET", "/invocation/next")
"""
    served = serve(text, b"{}")
    assert [(one.kind, one.ok, one.body) for one in served.answers] == [("error", False, b"no")]
    assert served.complete


def test_an_error_before_the_first_event():
    served = serve("request('POST', '/init/error', b'oh'); sys.exit(1)", b"{}")
    assert [(one.kind, one.body) for one in served.answers] == [("init", b"oh")]
    assert (served.complete, served.asked, served.finished.status) == (False, (), 1)


def test_end_without_an_answer():
    served = serve("next_event(); os.kill(os.getpid(), 6)", b"{}")
    assert (served.answers, served.complete) == ((), False)
    assert (len(served.asked), served.finished.signal) == (1, signal.SIGABRT)


def test_no_answer():
    mark = marker()
    served = serve(
        "next_event(); import time; time.sleep(99)", b"{}", timeout=1.0, arguments=[mark]
    )
    assert (served.answers, served.complete, served.finished.timed_out) == ((), False, True)
    assert processes(mark) == []


def test_asks_without_answering():
    served = serve("next_event(); next_event()", b"{}")
    assert (served.answers, served.complete) == ((), False)


@pytest.mark.parametrize(
    "request_", [b"nonsense\\r\\n\\r\\n", b"POST /x HTTP/1.1\\r\\nContent-Length: -1\\r\\n\\r\\n"]
)
def test_what_is_no_request(request_):
    """The connection is closed; the next one works."""
    text = f"""
bad = socket.create_connection((host, int(port)))
bad.sendall(b"{request_.decode()}")
assert bad.recv(1) == b""
bad.close()
{ECHO}"""
    assert serve(text, b"one").complete


def test_byte_by_byte():
    text = """
data = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for number in range(len(data)): connection.sendall(data[number:number + 1])
assert stream.readline().startswith(b"HTTP/1.1 200")
while stream.readline() != b"\\r\\n": pass
assert stream.read(4) == b"1234"
two = b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\\r\\n"
two += b"Content-Length: 3\\r\\n\\r\\nyes"
connection.sendall(two + data)
stream.read()
"""
    served = serve(text, b"1234")
    assert [one.body for one in served.answers] == [b"yes"]
    assert served.complete


def test_written_pages(way):
    """Of the core's heap, which lies at a fixed place; and of a place where nothing is."""
    heap, length = 0x1000000000, 1 << 20
    text = ECHO.replace("while True:", "kept = bytearray(1 << 20)\nwhile True:")
    made = script_room(CLIENT + text)
    served = room.serve(made, [b"{}"], log=quiet(), ranges=[(heap, length), (0x5000000, length)])
    assert served.complete
    assert served.pages
    assert all(heap <= page < heap + length and page % 4096 == 0 for page in served.pages)
    assert room.serve(made, [b"{}"], log=quiet()).pages == ()


@pytest.mark.parametrize("arch", list(targets.TARGETS))
def test_a_bootstrap(built, arch):
    """What is uploaded, with nothing around it."""
    program = built("sample", "app.handler", "--arch", arch) / "bootstrap"
    one = room.Room(
        program=program, target=targets.find(arch), arguments=["app.handler"], timeout=120.0
    )
    events = [json.dumps({"do": "echo", "value": number}).encode() for number in range(3)]
    served = room.serve(one, events, log=quiet())
    assert served.complete, served
    assert [json.loads(answer.body)["echo"] for answer in served.answers] == [0, 1, 2]
