"""The program needs nothing of the machine that it runs on."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from elftools.elf.elffile import ELFFile

from native_bootstrap import invoke

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")


@needs_root
def test_answers_from_an_empty_chroot(built, tmp_path):
    output = built("sample", "app.handler")
    program = tmp_path / "root" / "bootstrap"
    program.parent.mkdir()
    program.write_bytes((output / "bootstrap").read_bytes())
    program.chmod(0o755)
    with invoke.serve(b'{"do": "echo", "value": [1]}') as (address, exchange):
        process = subprocess.Popen(
            ["chroot", program.parent, "/bootstrap", "app.handler"],
            env={"AWS_LAMBDA_RUNTIME_API": address},
        )
        try:
            assert exchange.done.wait(20)
            assert exchange.answer is not None
            assert json.loads(exchange.answer[1])["echo"] == [1]
        finally:
            process.kill()
            process.wait()
    assert [path.name for path in program.parent.iterdir()] == ["bootstrap"]


def test_fully_static(built):
    with (built("sample", "app.handler") / "bootstrap").open("rb") as file:
        elf = ELFFile(file)
        kinds = [segment["p_type"] for segment in elf.iter_segments()]
        assert elf["e_type"] == "ET_EXEC"
    assert "PT_INTERP" not in kinds
    assert "PT_DYNAMIC" not in kinds


def test_nothing_of_the_build_machine_is_inside(built, tmp_path):
    content = (built("sample", "app.handler") / "bootstrap").read_bytes()
    traces = (Path.home(), Path.cwd(), tmp_path.parent, os.uname().nodename)
    for trace in map(str, traces):
        assert trace == "/" or trace.encode() not in content, trace


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A TLS server on localhost and the file with its authority's certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"secret")

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_address[1]}/", bundle
        server.shutdown()


def fetch(built, url: str, **environ: str) -> dict[str, object]:
    output = built("https", "app.handler")
    answer = invoke.invoke(output, json.dumps({"url": url}).encode(), environ=environ)
    return json.loads(answer.body)


def test_https_with_a_given_authority(built, tls):
    url, bundle = tls
    assert fetch(built, url, SSL_CERT_FILE=str(bundle)) == {"status": 200, "body": "secret"}


def test_https_refuses_an_unknown_authority(built, tls):
    url, _ = tls
    assert "CERTIFICATE_VERIFY_FAILED" in str(fetch(built, url)["error"])
