"""The table of sources and the providers: right bytes or a clear error, whoever delivers."""

from __future__ import annotations

import hashlib
import io
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from build_scripts.log import quiet
from build_scripts.pack import debian, providers, sources
from build_scripts.pack.sources import Source
from native_bootstrap.errors import SourceHashError, SourceUnavailableError

CONTENT = b"an archive, as far as this test goes" * 1000


def source(**changes):
    facts = {
        "name": "thing",
        "version": "1.2",
        "file": "thing_1.2.orig.tar.xz",
        "size": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "licence": "MIT",
        "licence_files": ("LICENSE",),
        "folder": "thing-1.2",
        "names": ("thing-1.2.tar.xz",),
    }
    return Source(**{**facts, **changes})


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch):
    """No network and no package client, unless a test brings its own."""
    monkeypatch.delenv(providers.ENVIRONMENT, raising=False)
    monkeypatch.delenv(providers.OFFLINE, raising=False)
    monkeypatch.setattr(debian, "fetch", lambda source, into, log: "apt-get is not installed")


def test_table_is_complete():
    table = sources.load()
    wanted = {"python", "openssl", "libffi", "sqlite", "bzip2", "xz", "zlib"}
    assert set(table) == wanted
    for row in table.values():
        assert len(row.sha256) == 64
        int(row.sha256, 16)
        assert row.size > 100_000
        assert row.licence_files
        assert row.version in row.folder
        assert row.urls or row.debian_package
        assert all(url.startswith("https://") for url in row.urls)


@pytest.mark.parametrize("name", ["thing_1.2.orig.tar.xz", "thing-1.2.tar.xz"])
def test_folder_under_either_name(tmp_path, name):
    (tmp_path / name).write_bytes(CONTENT)
    providers.provide([source()], local=tmp_path, log=quiet())
    assert (sources.folder() / "thing_1.2.orig.tar.xz").read_bytes() == CONTENT


def test_folder_from_the_environment(tmp_path, monkeypatch):
    (tmp_path / "thing-1.2.tar.xz").write_bytes(CONTENT)
    monkeypatch.setenv(providers.ENVIRONMENT, str(tmp_path))
    providers.provide([source()], log=quiet())
    assert (sources.folder() / "thing_1.2.orig.tar.xz").is_file()


def test_wrong_hash_names_file_expected_and_got(tmp_path):
    (tmp_path / "thing-1.2.tar.xz").write_bytes(CONTENT + b"!")
    with pytest.raises(SourceHashError) as caught:
        providers.provide([source()], local=tmp_path, log=quiet())
    message = caught.value.message
    assert str(tmp_path / "thing-1.2.tar.xz") in message
    assert source().sha256 in message
    assert hashlib.sha256(CONTENT + b"!").hexdigest() in message
    assert not any(sources.folder().iterdir()), "nothing half-written"


def test_nobody_has_it(tmp_path):
    with pytest.raises(SourceUnavailableError) as caught:
        providers.provide([source()], local=tmp_path, log=quiet())
    message = caught.value.message
    assert f"folder {tmp_path}: has no thing_1.2.orig.tar.xz or thing-1.2.tar.xz" in message
    assert "upstream: no address known" in message
    assert "distribution: apt-get is not installed" in message
    assert providers.ENVIRONMENT in caught.value.hint


def test_offline_asks_only_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(providers.OFFLINE, "1")
    with pytest.raises(SourceUnavailableError) as caught:
        providers.provide([source(urls=("https://example.invalid/x",))], log=quiet())
    assert "nothing (offline, and no folder given)" in caught.value.message


def test_a_kept_archive_is_not_fetched_again(tmp_path):
    (tmp_path / "thing-1.2.tar.xz").write_bytes(CONTENT)
    providers.provide([source()], local=tmp_path, log=quiet())
    (tmp_path / "thing-1.2.tar.xz").unlink()
    providers.provide([source()], local=tmp_path, log=quiet())


def test_a_damaged_kept_archive_is_noticed(tmp_path):
    sources.folder().mkdir(parents=True)
    (sources.folder() / source().file).write_bytes(CONTENT[:-1])
    with pytest.raises(SourceHashError, match="wrong content"):
        sources.unpack(source(), tmp_path, log=quiet())


@pytest.fixture
def server():
    """A local HTTP server; ``server.answers[path]`` is (status, body)."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.get(self.path, (404, b"no"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    httpd.answers = answers
    httpd.base = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_second_address_after_a_failure(server):
    server.answers["/good"] = (200, CONTENT)
    row = source(urls=(f"{server.base}/missing", f"{server.base}/good"))
    providers.provide([row], log=quiet())
    assert (sources.folder() / row.file).read_bytes() == CONTENT


def test_status_is_told(server):
    with pytest.raises(SourceUnavailableError, match="status 404"):
        providers.provide([source(urls=(f"{server.base}/missing",))], log=quiet())


def test_wrong_bytes_from_upstream_are_an_error(server):
    server.answers["/bad"] = (200, b"something else")
    with pytest.raises(SourceHashError, match="from upstream"):
        providers.provide([source(urls=(f"{server.base}/bad",))], log=quiet())
    assert not any(sources.folder().iterdir())


def test_wrong_bytes_from_one_provider_do_not_end_the_search(server, monkeypatch):
    """A proxy's login page, for example, has status 200."""

    def packaged(source, into, log):
        (into / source.file).write_bytes(CONTENT)
        return into / source.file

    monkeypatch.setattr(debian, "fetch", packaged)
    server.answers["/login"] = (200, b"<html>")
    wanted = source(urls=(f"{server.base}/login",))
    providers.provide([wanted], log=quiet())
    assert sources.is_here(wanted)


def test_no_server_there():
    with pytest.raises(SourceUnavailableError, match=r"(?i)refused"):
        providers.provide([source(urls=("http://127.0.0.1:9/x",))], log=quiet())


DEB822 = """\
# a comment
Types: deb
# another
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://inline.example/debian/
Suites: trixie
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEYCQjIxYJKwYBBAHaRw8BAQdA
 -----END PGP PUBLIC KEY BLOCK-----
"""

ONE_LINE = """\
# deb http://commented.example/debian trixie main
deb http://plain.example/debian bookworm main non-free # note
deb-src [arch=amd64 signed-by=/etc/key.gpg] http://signed.example/debian bookworm main
deb http://other.example/apt stable main
deb http://partial.example/debian bookworm contrib
"""


def test_mirrors_of_both_formats(tmp_path):
    (tmp_path / "sources.list").write_text(ONE_LINE)
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "debian.sources").write_text(DEB822)
    (parts / "old.sources.disabled").write_text(DEB822.replace("mirror", "disabled"))
    found = {mirror.uri: mirror.signed_by for mirror in debian.mirrors(tmp_path)}
    key = found.pop("https://inline.example/debian/")
    assert found == {
        "http://plain.example/debian": "",
        "http://signed.example/debian": "/etc/key.gpg",
        "http://mirror.example/debian": "/usr/share/keyrings/debian-archive-keyring.gpg",
    }
    assert key.splitlines()[:2] == ["-----BEGIN PGP PUBLIC KEY BLOCK-----", "."]


def test_no_configuration(tmp_path):
    assert debian.mirrors(tmp_path) == []


SHOWSRC = """\
Package: thing
Version: 1.2-1
Checksums-Sha256:
 aaaa 100 thing_1.2-1.dsc
 {sha} 36000 thing_1.2.orig.tar.xz

Package: thing
Version: 1.2-1+deb13u4
Checksums-Sha256:
 {sha} 36000 thing_1.2.orig.tar.xz

Package: thing
Version: 1.3-1
Checksums-Sha256:
 bbbb 36000 thing_1.3.orig.tar.xz
"""


def test_packaging_version_with_our_bytes(monkeypatch):
    """The table's packaging version may have left the mirror; its upstream archive has not."""
    row = source(debian_package="thing", debian_version="1.2-0")
    client = debian._Client(debian.Mirror(uri="http://mirror.example/debian"), quiet())
    text = SHOWSRC.format(sha=row.sha256)
    monkeypatch.setattr(client, "_run", lambda *command, cwd=None: text)
    assert client.version_with(row) == "1.2-1+deb13u4"
    monkeypatch.setattr(client, "_run", lambda *command, cwd=None: "")
    assert client.version_with(row) == "1.2-0"


def test_hash_is_of_the_whole_file(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(CONTENT * 100)
    assert sources.sha256_of(path) == hashlib.sha256(io.BytesIO(CONTENT * 100).read()).hexdigest()
