"""Container images: layers, documents, names, base images."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from build_scripts import targets
from build_scripts.image import base, layers, oci, write
from build_scripts.image.layers import Entry
from build_scripts.log import quiet
from native_bootstrap.errors import ImageError, UsageError

X86 = targets.find("x86_64")
ARM = targets.find("arm64")


def make(folder: Path, *entries: Entry) -> layers.Layer:
    folder.mkdir(exist_ok=True)
    return layers.make(entries, folder, epoch=1, comment="test")


def test_a_layer_is_its_content(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 3_000_000)
    entries = [
        Entry(path="var/task/z", content=b"z", mode=0o755),
        Entry(path="var/task/a", content=tmp_path / "large"),
        Entry(path="tmp", content=None, mode=0o1777),
    ]
    first = make(tmp_path / "1", *entries)
    second = make(tmp_path / "2", *reversed(entries))
    assert first.file.read_bytes() == second.file.read_bytes()
    packed = first.file.read_bytes()
    plain = gzip.decompress(packed)
    assert first.digest == f"sha256:{hashlib.sha256(packed).hexdigest()}"
    assert first.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    assert first.size == len(packed)
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        rows = [(m.name, m.mode, m.uid, m.uname, m.mtime, m.size) for m in tar]
    assert rows == [
        ("tmp", 0o1777, 0, "", 1, 0),
        ("var", 0o755, 0, "", 1, 0),
        ("var/task", 0o755, 0, "", 1, 0),
        ("var/task/a", 0o644, 0, "", 1, 3_000_000),
        ("var/task/z", 0o755, 0, "", 1, 1),
    ]
    assert [path.name for path in (tmp_path / "1").iterdir()] == [first.file.name]


def test_names_that_are_long_or_not_ascii(tmp_path):
    names = ["d/" * 60 + "n" * 120, "var/task/ü €"]
    layer = make(tmp_path / "1", *(Entry(path=name, content=b"") for name in names))
    with tarfile.open(layer.file) as tar:
        assert set(names) <= set(tar.getnames())


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("app", "docker.io/library/app:latest"),
        ("team/app:1", "docker.io/team/app:1"),
        ("host.example/app:1", "host.example/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
    ],
)
def test_full_names(tag, full):
    assert oci.full_name(tag) == full


@pytest.fixture
def function(tmp_path) -> Path:
    """The output of a build, as far as an image is concerned: (ELF header, a data file)."""
    folder = tmp_path / "dist"
    folder.mkdir()
    header = b"\x7fELF" + bytes(14) + X86.elf_machine.to_bytes(2, "little")
    with zipfile.ZipFile(folder / "function.zip", "w") as file:
        for name, content, mode in (("data/x", b"x", 0o644), ("bootstrap", header, 0o755)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            file.writestr(entry, content)
    return folder


def written(folder: Path, output: Path, **more: object) -> dict:
    request = write.Request(folder=folder, output=output, form="layout", **more)
    write.write(request, log=quiet())
    index = json.loads((output / "index.json").read_text())
    manifest = blob(output, index["manifests"][0])
    return {**manifest, "config": blob(output, manifest["config"])}


def blob(layout: Path, descriptor: dict) -> dict:
    name = descriptor["digest"].partition(":")[2]
    return json.loads((layout / "blobs/sha256" / name).read_text())


def test_a_build_without_a_report(function, tmp_path):
    found = written(function, tmp_path / "image")["config"]
    assert found["config"]["Entrypoint"] == ["/var/task/bootstrap"]
    assert "Cmd" not in found["config"]
    assert "LAMBDA_TASK_ROOT=/var/task" in found["config"]["Env"]
    assert [row["comment"] for row in found["history"]] == ["folders", "data files", "bootstrap"]


def test_the_report_tells_the_handler(function, tmp_path):
    facts = {"handler": "app.handler", "versions": {"python": "3.13.5"}, "sha256": "abc"}
    (function / "report.json").write_text(json.dumps(facts))
    found = written(function, tmp_path / "image")["config"]["config"]
    assert found["Cmd"] == ["app.handler"]
    assert found["Labels"]["io.native-bootstrap.handler"] == "app.handler"
    assert found["Labels"]["io.native-bootstrap.function-zip-sha256"] == "abc"


def test_the_emulator_comes_first(function, tmp_path):
    (tmp_path / "rie").write_bytes(b"rie")
    found = written(function, tmp_path / "image", emulator=tmp_path / "rie")["config"]["config"]
    assert found["Entrypoint"] == ["/usr/local/bin/aws-lambda-rie", "/var/task/bootstrap"]
    assert found["ExposedPorts"] == {"8080/tcp": {}}
    assert found["Labels"]["io.native-bootstrap.local-only"] == "true"


def test_over_an_image_of_before(function, tmp_path):
    written(function, tmp_path / "image")
    assert written(function, tmp_path / "image", labels={"a": "b"})
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    with pytest.raises(ImageError, match="other files"):
        written(function, tmp_path / "other")


@pytest.mark.parametrize("tag", ["App", "app:", "a//b", "-x", "a b", "app:" + "x" * 129])
def test_impossible_names(function, tmp_path, tag):
    with pytest.raises(UsageError, match="no name of an image"):
        written(function, tmp_path / "image", tag=tag)


@pytest.mark.parametrize("tag", ["app", "a/b_c/d-e:1.0-x_y", "host.example:5000/a:latest"])
def test_possible_names(function, tmp_path, tag):
    assert written(function, tmp_path / "image", tag=tag)


def test_no_program_in_the_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as file:
        file.writestr("bootstrap", "#!/bin/sh")
    with pytest.raises(ImageError, match="no program for Lambda"):
        written(tmp_path, tmp_path / "image")
    zipfile.ZipFile(tmp_path / "function.zip", "w").close()
    with pytest.raises(ImageError, match="holds no bootstrap"):
        written(tmp_path, tmp_path / "image")


# ---- base images

CONFIG = {
    "config": {"Env": ["PATH=/usr/bin", "OWN=1=2"], "Cmd": ["sh"], "Labels": {"base": "yes"}},
    "architecture": "amd64",
    "os": "linux",
}


def docker_archive(folder: Path, *, packed: bool, **changed: object) -> Path:
    """As `docker save` of before version 25, and podman, write one."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("etc/base"))
    content = plain.getvalue()
    diff_id = f"sha256:{hashlib.sha256(content).hexdigest()}"
    config = {**CONFIG, "rootfs": {"type": "layers", "diff_ids": [diff_id]}, **changed}
    config.setdefault("history", [{"created_by": "ENV", "empty_layer": True}])
    files = {
        "config.json": json.dumps(config).encode(),
        "abc/layer.tar": gzip.compress(content) if packed else content,
        "manifest.json": json.dumps(
            [{"Config": "config.json", "RepoTags": ["base:1"], "Layers": ["link.tar"]}]
        ).encode(),
    }
    target = folder / "base.tar"
    with tarfile.open(target, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "abc/layer.tar"
        tar.addfile(link)
    return target


@pytest.mark.parametrize("packed", [False, True])
def test_upon_an_archive_of_docker(function, tmp_path, packed):
    archive = docker_archive(tmp_path, packed=packed)
    found = written(function, tmp_path / "image", base=archive, base_name="base:1")
    config = found["config"]
    assert len(found["layers"]) == len(config["rootfs"]["diff_ids"]) == 3
    assert found["annotations"]["org.opencontainers.image.base.name"] == "base:1"
    assert {"OWN=1=2", "LAMBDA_TASK_ROOT=/var/task"} <= set(config["config"]["Env"])
    assert not any(row == "PATH=/usr/bin" for row in config["config"]["Env"])
    assert config["config"]["Labels"]["base"] == "yes"
    assert "Cmd" not in config["config"]
    filled = [row for row in config["history"] if not row.get("empty_layer")]
    assert [row["comment"] for row in filled] == ["of the base image", "data files", "bootstrap"]


def test_upon_a_layout_and_upon_our_own_archive(function, tmp_path):
    written(function, tmp_path / "one")
    own = write.Request(folder=function, output=tmp_path / "own.tar")
    write.write(own, log=quiet())
    for source in (tmp_path / "one", tmp_path / "own.tar"):
        found = written(function, tmp_path / "two", base=source)
        assert len(found["layers"]) == 5
        assert found["annotations"]["org.opencontainers.image.base.digest"].startswith("sha256:")


def test_a_base_for_another_machine(tmp_path):
    archive = docker_archive(tmp_path, packed=False)
    with pytest.raises(ImageError, match="has no image for arm64"):
        base.read(archive, ARM, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no tar file", None])
def test_a_base_that_is_none(tmp_path, content):
    source = tmp_path / "base"
    source.mkdir() if content is None else source.write_bytes(content)
    with pytest.raises(ImageError, match="no image that can be read"):
        base.read(source, X86, tmp_path)


def test_a_base_whose_layer_is_damaged(tmp_path):
    wrong = {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}
    archive = docker_archive(tmp_path, packed=False, rootfs=wrong)
    with pytest.raises(ImageError, match="is not the layer"):
        base.read(archive, X86, tmp_path)


def test_an_archive_that_leads_outside(tmp_path):
    """Members with .. and links to elsewhere are not unpacked."""
    (tmp_path / "work").mkdir()
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("../escaped", "/../../escaped"):
            tar.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("manifest.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(ImageError):
        base.read(archive, X86, tmp_path / "work")
    assert not (tmp_path / "escaped").exists()
    assert not any(path.is_symlink() for path in (tmp_path / "work").rglob("*"))
