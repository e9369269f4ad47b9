"""The program needs nothing of the machine that it runs on, and has nothing of the one before."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from elftools.elf.elffile import ELFFile
from lambda_like import NORMALLY
from support import ask

from build_scripts import archive, cache

# Root of its own namespace is enough; where user namespaces are closed, it takes real root.
AS_ROOT = () if os.geteuid() == 0 else ("unshare", "--map-root-user")
STORES = (
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
)
STARTS = pytest.mark.parametrize("start", [{}, NORMALLY], ids=["snapshot", "normally"])


def chroot(root: Path, *namespaces: str) -> list[str]:
    """The command that runs what follows it inside ``root``; skips where that is not allowed."""
    command = [*AS_ROOT, *namespaces, "chroot", str(root)]
    tried = subprocess.run([*AS_ROOT, *namespaces, "chroot", "/", "true"], capture_output=True)
    if tried.returncode:
        pytest.skip(f"chroot is not possible here: {tried.stderr.decode().strip()}")
    return command


@pytest.fixture
def alone(built, tmp_path):
    """``alone("sample")``: a folder with that function's bootstrap and nothing else."""

    def make(function: str) -> Path:
        root = tmp_path / "root"
        root.mkdir()
        shutil.copy(built(function, "app.handler") / "bootstrap", root)
        return root

    return make


@STARTS
def test_answers_from_an_empty_chroot(alone, start):
    root = alone("sample")
    command = [*chroot(root), "/bootstrap", "app.handler"]
    answer = ask(command, {"do": "echo", "value": [1]}, **start)
    assert answer.json["echo"] == [1]
    assert answer.log == ""  # nothing about a snapshot that could not be used
    assert [path.name for path in root.iterdir()] == ["bootstrap"]


@STARTS
def test_the_only_file_of_a_scratch_image(alone, start):
    """Namespaces of its own, no /proc, /dev or /etc: what a container engine gives FROM scratch."""
    root = alone("sample")
    namespaces = ("unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--kill-child")
    command = [*chroot(root, *namespaces), "/bootstrap"]
    answer = ask(command, {"do": "echo", "value": "ü"}, **start)
    assert (answer.json["echo"], answer.log) == ("ü", "")
    assert [path.name for path in root.iterdir()] == ["bootstrap"]


@pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed")
def test_the_only_file_of_a_container(alone):
    root = alone("sample")
    engine = ["podman", *filter(None, os.environ.get("NB_PODMAN_FLAGS", "").split())]
    pass_on = ("--network=host", "--env=AWS_LAMBDA_RUNTIME_API", "--rm")
    limits = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000")
    command = [*engine, "run", *pass_on, *limits, "--rootfs", str(root), "/bootstrap"]
    assert ask(command, {"do": "echo", "value": 7}, HOME=str(Path.home())).json["echo"] == 7


def test_fully_static(built):
    with (built("sample", "app.handler") / "bootstrap").open("rb") as file:
        elf = ELFFile(file)
        kinds = [segment["p_type"] for segment in elf.iter_segments()]
        assert elf["e_type"] == "ET_EXEC"
    assert "PT_INTERP" not in kinds
    assert "PT_DYNAMIC" not in kinds


def traces() -> re.Pattern[bytes]:
    """What would give away the build machine: its folders, scratch folders, its name."""
    folders = {Path.home(), Path.cwd(), Path(sys.prefix), Path(sys.base_prefix), cache.root()}
    folders |= {Path(__file__).parents[2], Path(tempfile.gettempdir(), "pytest-of-")}
    words = [re.escape(str(folder)) for folder in folders if len(folder.parts) > 2]
    words += [rf"{re.escape(tempfile.gettempdir())}/tmp\w{{8}}", r"/root/\.", r"/home/\w+/\."]
    name = os.uname().nodename
    if len(name) > 4:  # a short one is found in any program of this size
        words.append(rf"\b{re.escape(name)}\b")
    return re.compile("|".join(words).encode())


@pytest.mark.parametrize("code", ["native", "bytecode"])
def test_nothing_of_the_build_machine_is_inside(built, code):
    output = built("sample", "app.handler", "--code", code)
    program = (output / "bootstrap").read_bytes()
    assert traces().search(program) is None
    start = program.index(archive.MAGIC)
    while archive.HEADER.unpack_from(program, start)[2] != archive.ENTRY.size:
        start = program.index(archive.MAGIC, start + 1)
    length = archive.HEADER.unpack_from(program, start)[7]
    modules = archive.read(program[start : start + length])
    assert len(modules) > 100
    for module in modules.values():
        deflated = module.flags & archive.CODE_DEFLATED
        code_bytes = zlib.decompress(module.code) if deflated else module.code
        source = zlib.decompress(module.source[4:]) if module.source else b""
        found = traces().search(code_bytes) or traces().search(source)
        assert found is None, (module.name, found)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority):
    """The address of a TLS server whose certificate the ``authority`` has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"secret")

        def log_message(self, *args):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            """A refused handshake is what some tests want."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture
def image(alone):
    """``image({"/etc/…": authority})``: the HTTPS function with these trust stores around it."""

    def make(stores: dict[str, trustme.CA]) -> list[str]:
        root = alone("https")
        for place, owner in stores.items():
            file = root / place.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            owner.cert_pem.write_to_path(str(file))
        return [*chroot(root), "/bootstrap", "app.handler"]

    return make


SUCCESS = {"status": 200, "body": "secret"}


@pytest.mark.parametrize("place", STORES)
def test_trust_store_of_every_kind_of_image(image, tls, authority, place):
    assert ask(image({place: authority}), {"url": tls}).json == SUCCESS


def test_trust_store_of_amazon_linux_comes_first(image, tls, authority):
    other = trustme.CA()
    command = image({STORES[0]: authority, STORES[1]: other, STORES[2]: other})
    assert ask(command, {"url": tls}).json == SUCCESS


def test_trust_store_in_the_environment_comes_before_all(image, tls, authority):
    command = image({"/own.pem": authority, STORES[0]: trustme.CA()})
    assert ask(command, {"url": tls}, SSL_CERT_FILE="/own.pem").json == SUCCESS


def test_trust_store_in_the_environment_that_does_not_exist(image, tls, authority):
    command = image({STORES[1]: authority})
    assert ask(command, {"url": tls}, SSL_CERT_FILE="/var/runtime/ca-cert.pem").json == SUCCESS


def test_no_trust_store_is_a_clear_error(image, tls):
    error = ask(image({}), {"url": tls}, SSL_CERT_FILE="/gone.pem").json["error"]
    assert "CERTIFICATE_VERIFY_FAILED" in error
    assert f"none of $SSL_CERT_FILE (/gone.pem), {', '.join(STORES)} exists" in error


def test_unknown_authority_is_refused(image, tls):
    error = ask(image({STORES[1]: trustme.CA()}), {"url": tls}).json["error"]
    assert "CERTIFICATE_VERIFY_FAILED" in error
    assert "trust store" not in error
