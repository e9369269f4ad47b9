"""Dependencies from the archive, compiled and as bytecode."""

from __future__ import annotations

import http.server
import json
import threading

import lambda_like
import pytest


@pytest.fixture(scope="module", params=["native", "bytecode"])
def task(request, built, tmp_path_factory):
    output = built("packages", "app.handler", "--code", request.param)
    return lambda_like.unpack(output, tmp_path_factory.mktemp("packages") / "task")


@pytest.fixture(params=["snapshot", "normally"])
def use(request, task):
    """``use("what")``: the answer to one event; ``use.log``: what was printed meanwhile."""

    def call(what: str, **event):
        start = lambda_like.NORMALLY if request.param == "normally" else {}
        run = lambda_like.run(task, [{"use": what, **event}], environ=start)
        assert [reply.kind for reply in run.replies] == ["response"], (run.replies, run.stderr)
        assert run.normal == []
        call.log = run.stdout + run.stderr
        return run.answers[0]

    return call


@pytest.fixture(scope="module")
def json_server():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"fine": true}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_boto3(use):
    answer = use("boto3")
    assert answer["url"] == "https://bucket.s3.amazonaws.com/key"
    assert answer["dynamodb"]
    assert answer["services"] > 300


def test_requests(use, json_server):
    answer = use("requests", url=json_server)
    assert answer["json"] == {"fine": True}
    assert answer["agent"].startswith("python-requests/")
    assert answer["bundle"] > 100_000


def test_jinja2_escapes(use):
    assert use("jinja2") == "<p>Hello &lt;you&gt;</p>"


def test_yaml(use):
    assert use("yaml") == {"loaded": {"a": [1, 2]}, "dumped": "b: null\n"}


def test_dateutil_has_time_zones(use):
    """Those of the machine (it may have none: then its own) and those in its data file."""
    assert use("dateutil") == ["2026-11-22T11:00:00+01:00"] * 2


def test_powertools(use):
    answer = use("powertools")
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"greeting": "Hi you"})
    assert '"message":"from powertools"' in use.log.replace(": ", ":")


def test_resources_metadata_and_sources(use):
    answer = use("resources")
    assert answer["read"] == answer["pkgutil"] == "<p>Hello {{ name }}</p>\n"
    assert "templates" in answer["listed"]
    assert answer["modules"] == ["greeting"]
    assert answer["top"]
    assert answer["version"] == "2.32.5"
    assert answer["needs"] == ["six >=1.5"]
    assert {"environment", "loaders", "_identifier"} <= set(answer["dependency"])
    assert answer["model"] > 100_000
    assert answer["folders"] == [True, True, False, False]  # retries: modules alone
    assert {"boto3", "botocore", "certifi", "jinja2"} <= set(answer["versions"])
    assert answer["versions"]["boto3"] == "1.40.61"
    assert answer["summary"] == "The AWS SDK for Python"
    assert answer["source"] == 'def greeting(name):\n    return f"Hi {name}"\n'
    assert answer["own"] == "def use_yaml(event, context):"
    assert answer["module"] == '"""A user\'s package with a data file beside its code."""'


def test_the_report_names_wheels_and_their_compiled_parts(built):
    report = json.loads((built("packages", "app.handler") / "report.json").read_text())
    about = {found["name"]: found for found in report["packages"]}
    for name in ("MarkupSafe", "PyYAML", "charset-normalizer"):
        assert "-musllinux_1_" in about[name]["wheel"]
        assert about[name]["compiled"] > 0
        assert about[name]["without"] == []
    assert (about["boto3"]["wheel"], about["boto3"]["compiled"]) == ("py3-none-any", 0)
