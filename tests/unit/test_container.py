"""Builds inside a container, as far as no engine is needed."""

from __future__ import annotations

import io
import json
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from build_scripts import options, targets, terminals
from build_scripts.container import engine, images, mounts, pins, recipe, registry, run, wheel
from build_scripts.log import quiet
from build_scripts.pack import sources
from native_bootstrap.errors import (
    ConfigError,
    ContainerImageError,
    DiskFullError,
    EngineError,
    UsageError,
)

ARM = targets.find("arm64")
NOTHING = registry.Registry(variables={}, files=(), folders=())


# ---- registries


@pytest.fixture
def configured(tmp_path):
    """A home with settings that lead to files: (environment, home)."""
    home, index = tmp_path / "home", tmp_path / "packages" / "simple"
    (home / ".config/pip").mkdir(parents=True)
    index.mkdir(parents=True)
    bundle = tmp_path / "own ca.pem"
    bundle.write_text("certificate")
    (tmp_path / "ca.pem").write_text("certificate of pip")
    (home / ".config/pip/pip.conf").write_text(
        f"[global]\nindex-url = https://user:secret@index.example/simple\n"
        f"extra-index-url =\n  file://{index}\n  https://two.example/a'b\n"
        f"cert = {tmp_path}/ca.pem\n"
        "[list]\nformat = json\n"
    )
    (home / ".netrc").write_text("machine index.example login a password b\n")
    environ = {
        "XDG_CONFIG_DIRS": str(tmp_path / "none"),
        "https_proxy": "http://proxy.example:3128",
        "SSL_CERT_FILE": str(bundle),
        "PIP_TARGET": "/somewhere",  # would change what pip does inside
        "UV_INDEX_OWN_PASSWORD": "secret",
        "PATH": "/bin",
    }
    return environ, home


def test_what_is_configured_is_found(configured, tmp_path):
    environ, home = configured
    found = registry.discover(environ, home)
    assert set(found.variables) == {"https_proxy", "SSL_CERT_FILE", "UV_INDEX_OWN_PASSWORD"}
    files = {home / ".config/pip/pip.conf", home / ".netrc", tmp_path / "ca.pem"}
    assert files <= set(found.files)
    # an index in a folder leads to files beside it
    assert found.folders == (tmp_path / "packages",)


def test_the_secret_of_an_image_build(configured, tmp_path):
    environ, home = configured
    with tarfile.open(
        fileobj=io.BytesIO(registry.pip_secret(registry.discover(environ, home)))
    ) as tar:
        content = {m.name: tar.extractfile(m).read().decode() for m in tar}
    lines = content["env"].splitlines()
    assert "export PIP_CONFIG_FILE=/dev/null" in lines
    assert "export PIP_INDEX_URL=https://user:secret@index.example/simple" in lines
    (cert,) = (line for line in lines if line.startswith("export PIP_CERT="))
    place = cert.partition('"$REGISTRY"/')[2]
    assert content[place] == "certificate of pip"
    (extra,) = (line for line in lines if "EXTRA" in line)
    assert extra.endswith("""" "'https://two.example/a'"'"'b'""")


def test_a_broken_setting_is_left_to_its_tool(tmp_path):
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").write_text("not toml [")
    found = registry.discover({"XDG_CONFIG_DIRS": str(tmp_path)}, tmp_path)
    assert tmp_path / ".config/uv/uv.toml" in found.files


# ---- what is mounted, and the command


def chosen(project: Path, **given: object) -> options.Options:
    return options.resolve({"project": project, **given}, environ={})


def test_mounts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "requirements.txt").touch()
    picked = chosen(Path("app"), output=Path("app/dist"), requirements=Path("requirements.txt"))
    picked.output.mkdir()
    found = mounts.collect(picked, NOTHING, event=None, sources=None, host=targets.host())
    modes = {mount.source: mount.writable for mount in found}
    assert modes[tmp_path / "app"] is False
    assert modes[tmp_path / "app/dist"] is True
    assert modes[tmp_path] is False
    order = [mount.source for mount in found]
    assert (
        order.index(tmp_path) < order.index(tmp_path / "app") < order.index(tmp_path / "app/dist")
    )


def test_what_requirements_name_is_mounted(tmp_path):
    for folder in ("app", "lib", "more"):
        (tmp_path / folder).mkdir()
    (tmp_path / "app/requirements.txt").write_text("-r ../more/base.txt\n-e ../lib\n")
    (tmp_path / "more/base.txt").write_text("-c bounds.txt\n-r base.txt\nidna\n")
    (tmp_path / "more/bounds.txt").write_text("idna<4\n")
    picked = chosen(tmp_path / "app", output=tmp_path / "out")
    found = mounts.collect(picked, NOTHING, event=None, sources=None, host=targets.host())
    modes = {mount.source: mount.writable for mount in found}
    for name in ("lib", "more/base.txt", "more/bounds.txt"):
        assert modes[tmp_path / name] is False


def test_a_folder_that_is_read_and_written_is_writable(tmp_path):
    picked = chosen(tmp_path, output=tmp_path)
    found = mounts.collect(picked, NOTHING, event=None, sources=None, host=targets.host())
    assert next(m for m in found if m.source == tmp_path).argument == (
        f"--mount=type=bind,source={tmp_path},target={tmp_path}"
    )


def test_a_name_that_cannot_be_mounted():
    with pytest.raises(UsageError, match="comma"):
        _ = mounts.Mount(source=Path("/a,b")).argument


def test_the_command_inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.native-bootstrap]\ncode = "bytecode"\n')
    given = {
        "handler": "app.handler", "output": Path("out"), "env": ["A=1", "B=x y"], "refresh": False,
        "verbose": True, "container": "image", "engine": "podman", "cpu": "haswell",
    }  # fmt: skip
    picked = options.resolve(given, environ={"BUILD_NATIVE_STRIP_SOURCE": "1"})
    assert run.arguments(picked) == [
        "app.handler",
        f"--project={tmp_path}",
        f"--output={tmp_path}/out",
        "--cpu=haswell",
        "--strip-source",
        "--no-refresh",
        "--env=A=1",
        "--env=B=x y",
        "--verbose",
    ]


def test_every_option_of_a_build_is_passed_or_known():
    """A new option with a type that nobody thought of would not reach the build inside."""
    parser_names = {f"--{name.replace('_', '-')}" for name in options.Options.__dataclass_fields__}
    samples = {"str": "x", "Path": Path("/x"), "Path | None": Path("/x"), "bool": True}
    for name, field in options.Options.__dataclass_fields__.items():
        if name in run.NOT_PASSED or name == "origins":
            continue
        value = ("x",) if "tuple" in str(field.type) else samples[str(field.type)]
        (flag,) = run._flags(name, value)
        assert flag.partition("=")[0] in parser_names


def test_secrets_are_not_on_the_engines_command_line(configured, monkeypatch):
    environ, home = configured
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = run._environ(registry.discover(environ, home), None, with_aws=False)
    assert found["UV_INDEX_OWN_PASSWORD"] == "secret"
    assert "AWS_SECRET_ACCESS_KEY" not in found
    with_aws = run._environ(NOTHING, None, with_aws=True)
    assert with_aws["AWS_SECRET_ACCESS_KEY"] == "secret"


def test_folders_that_stay_empty_go_again(tmp_path):
    kept, gone = tmp_path / "a" / "kept", tmp_path / "b" / "gone"
    with run._folders([kept, gone]):
        (kept / "file").touch()
    assert kept.is_dir()
    assert not (tmp_path / "b").exists()


# ---- engines and images

SAID = [
    (
        "docker",
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/d"
        'ocker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/version": dial unix',
        EngineError,
        "you may not use docker",
    ),
    (
        "podman",
        'Error: cannot find newuidmap: exec: "newuidmap": executable file not found in $PATH',
        EngineError,
        "you may not use podman",
    ),
    (
        "docker",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
        "running?",
        EngineError,
        "its daemon does not answer",
    ),
    (
        "nerdctl",
        'time="…" level=fatal msg="cannot access containerd socket \\"/run/containerd.sock\\""',
        EngineError,
        "its daemon does not answer",
    ),
    (
        "podman",
        "Error: writing blob: adding layer: write /x: no space left on device",
        DiskFullError,
        "the disk of podman is full",
    ),
    ("podman", "Error: something else", EngineError, "podman failed (testing):"),
]


@pytest.mark.parametrize(("name", "text", "kind", "words"), SAID, ids=[row[3] for row in SAID])
def test_what_an_engine_says(name, text, kind, words):
    error = engine.Engine(name, Path("/bin/false"), quiet()).explain(text, "testing")
    assert isinstance(error, kind)
    assert words in error.message
    assert error.hint or "something else" in error.message


def test_images_are_checked():
    labels = {"Config": {"Labels": {recipe.LABEL: recipe.content()}}, "Os": "linux"}
    machine = targets.find("x86_64")
    images.check("a", {**labels, "Architecture": "amd64"}, machine, emulated=False, log=quiet())
    with pytest.raises(ContainerImageError, match="is for linux/arm64") as error:
        images.check("a", {**labels, "Architecture": "arm64"}, machine, emulated=False, log=quiet())
    assert "--emulate --arch arm64" in error.value.hint
    with pytest.raises(ContainerImageError, match="no build image"):
        plain = {"Os": "linux", "Architecture": "amd64", "Config": None}
        images.check("a", plain, machine, emulated=False, log=quiet())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not registered"),
        ("disabled\ninterpreter /usr/bin/qemu\nflags: OCF\n", "is switched off"),
        ("enabled\ninterpreter /usr/bin/qemu\nflags: OC\n", "without the flag F"),
    ],
)
def test_qemu_that_the_kernel_does_not_have(tmp_path, text, words):
    if text is not None:
        (tmp_path / "qemu-aarch64").write_text(text)
    with pytest.raises(EngineError, match=words) as error:
        images.check_emulation(ARM, tmp_path)
    assert "qemu-user-static" in error.value.hint


def test_qemu_that_the_kernel_has(tmp_path):
    (tmp_path / "qemu-aarch64").write_text("enabled\ninterpreter /usr/bin/qemu\nflags: POCF\n")
    images.check_emulation(ARM, tmp_path)


# ---- the recipe


def test_every_source_has_a_stage_and_reaches_the_pack():
    text = (recipe.folder() / "Dockerfile").read_text()
    names = sorted(sources.load())
    assert sorted(re.findall(r"^FROM sources AS source-(\w+)$", text, re.MULTILINE)) == names
    assert sorted(re.findall(r"^COPY sources/(\w+) /given$", text, re.MULTILINE)) == names
    copied = re.findall(r"^COPY --from=source-(\w+) /sources /sources$", text, re.MULTILINE)
    assert sorted(copied) == names


def test_a_step_that_reaches_out_has_the_registries_settings():
    """Each command that downloads is run by with-registry.sh, with its secret mounted."""
    text = (recipe.folder() / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if ("pip install" in line and "--no-index" not in line) or "fetch.py /given" in line:
            assert "with-registry.sh" in line
            assert "--mount=type=secret,id=registry" in line


@pytest.fixture
def context(tmp_path):
    machine = targets.host()
    wanted = recipe.Recipe(base="base", tag="t", packs=[machine], machine=machine, given=True)

    def write(name: str) -> Path:
        folder = tmp_path / name
        (folder / "packs").mkdir(parents=True)
        (folder / "wheels").mkdir()
        wheel.write(folder / "wheels", {"build_scripts/container/manylinux": recipe.folder()})
        recipe._write_sources(wanted, folder / "sources", quiet())
        return folder

    return write


def test_the_context_is_the_same_each_time(context):
    first, second = context("first"), context("second")
    names = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert Path("sources/openssl/source.json") in names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_wheel_is_the_project(context):
    (path,) = (context("c") / "wheels").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        points = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
        record = archive.read(next(n for n in names if n.endswith("RECORD"))).decode()
    assert "native_bootstrap/core/nb_main.c" in names
    assert "build_scripts/container/manylinux/Dockerfile" in names
    assert not any("__pycache__" in name for name in names)
    assert "build-native = native_bootstrap.__main__:run" in points
    assert len(record.splitlines()) == len(names)


def test_requirements_are_pinned():
    found = wheel.requirements()
    assert all(re.fullmatch(r"[a-z0-9-]+==[^=]+", line) for line in found)
    assert {line.partition("==")[0] for line in found} >= {"nuitka", "ziglang", "uv", "rich"}


def test_bases_by_name_and_others():
    assert recipe.base_image("al2023", ARM) == recipe.bases()["al2023"]["arm64"]
    assert recipe.base_image("own:1", ARM) == "own:1"


# ---- digests

DIGEST = "sha256:" + "5" * 64


@pytest.fixture
def registry_server():
    """A registry with one image, which asks for a token first: its host and port."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/token"):
                self._answer(200, {}, json.dumps({"token": "abc"}).encode())
            elif self.headers.get("Authorization") != "Bearer abc":
                realm = f"http://127.0.0.1:{self.server.server_port}/token"
                challenge = f'Bearer realm="{realm}",service="test",scope="repository:base:pull"'
                self._answer(401, {"WWW-Authenticate": challenge}, b"")
            elif self.path == "/v2/team/base/manifests/1.0":
                assert "image.index.v1+json" in self.headers["Accept"]
                self._answer(200, {"Docker-Content-Digest": DIGEST}, b"{}")
            else:
                self._answer(404, {}, b"")

        def _answer(self, status, headers, body):
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_pin_and_lock(registry_server, tmp_path):
    host, asked = registry_server
    name, lock = f"{host}/team/base:1.0", tmp_path / "images.lock.toml"
    assert pins.pin({"base": name}, lock, log=quiet()) == {name: DIGEST}
    assert any("scope=repository:base:pull" in path for path in asked)
    assert pins.locked(name, lock) == f"{host}/team/base@{DIGEST}"
    assert recipe.base_image(name, ARM, lock) == f"{host}/team/base@{DIGEST}"
    with pytest.raises(ConfigError, match="has no digest for other:1"):
        pins.locked("other:1", lock)


def test_no_digest_is_invented(registry_server, tmp_path):
    host, _ = registry_server
    lock = tmp_path / "images.lock.toml"
    lock.write_text("kept")
    names = {"a": f"{host}/team/base:1.0", "b": f"{host}/team/missing:1.0"}
    with pytest.raises(ContainerImageError, match="status 404"):
        pins.pin(names, lock, log=quiet())
    with pytest.raises(ContainerImageError, match="cannot be reached"):
        pins.pin({"c": "127.0.0.1:9/team/base:1"}, lock, log=quiet())
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [lock.name]
    assert lock.read_text() == "kept"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("debian", ("https://registry-1.docker.io", "library/debian", "latest", "debian")),
        ("team/app:1", ("https://registry-1.docker.io", "team/app", "1", "team/app")),
        ("host.example/a/b:2", ("https://host.example", "a/b", "2", "host.example/a/b")),
        ("localhost:5000/a", ("http://localhost:5000", "a", "latest", "localhost:5000/a")),
    ],
)
def test_references(reference, parts):
    assert pins._split(reference) == parts


# ---- terminals


def test_which_streams_are_terminals(monkeypatch):
    monkeypatch.setenv(terminals.VARIABLE, "stderr")
    assert terminals.console(stderr=True).is_terminal
    assert not terminals.console().is_terminal
    monkeypatch.setenv(terminals.VARIABLE, "")
    assert not terminals.console(stderr=True).is_terminal
