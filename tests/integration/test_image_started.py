"""``build-native image``: the same bytes, the specification's schemas, a container that answers."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import containers
import jsonschema
import pytest
import referencing
from referencing.jsonschema import DRAFT4
from support import assert_one_message, build_native

from build_scripts import targets
from build_scripts.snapshot import room

PROGRAM = "/var/task/bootstrap"
# The original files, from Debian's package of the specification.
SCHEMAS = Path("/usr/share/gocode/src/github.com/opencontainers/image-spec/schema")


@pytest.fixture(scope="module")
def output(built, tmp_path_factory) -> Path:
    """A copy of a build, for what is written beside it."""
    folder = tmp_path_factory.mktemp("image") / "sample"
    shutil.copytree(built("sample", "app.handler"), folder)
    return folder


def make_image(folder: Path, *options: str | Path) -> str:
    result = build_native("image", folder, *options)
    assert result.status == 0, result.err
    return result.out


def unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return folder


def blob(layout: Path, descriptor: dict) -> bytes:
    """The bytes that a descriptor names, which are as it says."""
    algorithm, _, value = descriptor["digest"].partition(":")
    content = (layout / "blobs" / algorithm / value).read_bytes()
    assert len(content) == descriptor["size"]
    assert hashlib.new(algorithm, content).hexdigest() == value
    return content


def check(document: bytes, schema: str) -> dict:
    """The content of ``document``, which fits the ``schema`` of the specification."""

    def retrieve(uri: str) -> referencing.Resource:
        return DRAFT4.create_resource(json.loads((SCHEMAS / uri.rpartition("/")[2]).read_text()))

    found = json.loads(document)
    jsonschema.Draft4Validator(
        json.loads((SCHEMAS / schema).read_text()),
        registry=referencing.Registry(retrieve=retrieve),
        format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER,
    ).validate(found)
    return found


def check_layout(layout: Path) -> tuple[dict, dict]:
    """Manifest and configuration of a valid layout, every blob of it as it is named."""
    check((layout / "oci-layout").read_bytes(), "image-layout-schema.json")
    index = check((layout / "index.json").read_bytes(), "image-index-schema.json")
    (row,) = index["manifests"]
    manifest = check(blob(layout, row), "image-manifest-schema.json")
    config = check(blob(layout, manifest["config"]), "config-schema.json")
    for descriptor, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        plain = gzip.decompress(blob(layout, descriptor))
        assert f"sha256:{hashlib.sha256(plain).hexdigest()}" == diff_id
    filled = [entry for entry in config["history"] if not entry.get("empty_layer")]
    assert len(filled) == len(manifest["layers"])
    return manifest, config


needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason="golang-github-opencontainers-image-spec-dev is not installed"
)


@needs_schemas
@pytest.mark.parametrize("options", [(), ("--tag", "shop/app:1.0", "--label", "team=a=b")], ids=str)
def test_the_archive_fits_the_schemas(output, tmp_path, options):
    make_image(output, "--output", tmp_path / "image.tar", *options)
    layout = unpack(tmp_path / "image.tar", tmp_path / "layout")
    _, config = check_layout(layout)
    docker = json.loads((layout / "manifest.json").read_bytes())
    assert docker[0]["RepoTags"] == (["shop/app:1.0"] if options else None)
    assert all((layout / name).is_file() for name in (docker[0]["Config"], *docker[0]["Layers"]))
    assert config["config"]["Entrypoint"] == ["/var/task/bootstrap"]
    assert config["config"]["Cmd"] == ["app.handler"]
    assert config["config"]["Labels"].get("team") == ("a=b" if options else None)


@needs_schemas
def test_the_layout_fits_the_schemas(output, tmp_path):
    make_image(output, "--format", "layout", "--output", tmp_path / "image")
    _, config = check_layout(tmp_path / "image")
    assert config["architecture"] == {"x86_64": "amd64"}.get(targets.host().arch, "arm64")
    assert sorted(path.name for path in (tmp_path / "image").iterdir()) == [
        *("blobs", "index.json", "oci-layout")
    ]


@needs_schemas
def test_the_schemas_do_refuse():
    with pytest.raises(jsonschema.ValidationError):
        check(b'{"schemaVersion": 1, "manifests": []}', "image-index-schema.json")
    with pytest.raises(jsonschema.ValidationError):  # a reference into another file
        check(
            b'{"schemaVersion": 2, "config": {"digest": "x"}, "layers": []}',
            "image-manifest-schema.json",
        )


def test_the_same_bytes_again(output, tmp_path, monkeypatch):
    copy = tmp_path / "elsewhere"
    shutil.copytree(output, copy, copy_function=shutil.copyfile)  # other times and modes
    first, second, later = (tmp_path / name for name in ("first.tar", "second.tar", "later.tar"))
    out = make_image(output, "--output", first)
    assert make_image(copy, "--output", second) == out.replace("first.tar", "second.tar")
    assert first.read_bytes() == second.read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    make_image(output, "--output", later)
    assert first.read_bytes() != later.read_bytes()


def test_files_of_the_image_are_those_of_the_zip(output, tmp_path):
    make_image(output, "--output", tmp_path / "image.tar")
    layout = unpack(tmp_path / "image.tar", tmp_path / "layout")
    docker = json.loads((layout / "manifest.json").read_bytes())
    found = {}
    for name in docker[0]["Layers"]:
        with tarfile.open(layout / name) as layer:
            found |= {member.name: (member.mode, member.uid) for member in layer}
    assert found == {
        "tmp": (0o1777, 0),
        "var": (0o755, 0),
        "var/task": (0o755, 0),
        "var/task/bootstrap": (0o755, 0),
    }


def test_from_scratch_it_answers_through_the_emulator(output, tmp_path, podman_storage):
    """Under a container engine, from its snapshot, by the entry point that the image names."""
    archive = tmp_path / "image.tar"
    make_image(output, "--tag", "nb-test:emulator", "--emulator", "--output", archive)
    with containers.loaded(archive) as name, containers.answering(name) as running:
        assert name.endswith("nb-test:emulator")
        assert running.invoke({"do": "echo", "value": ["ü", 1]})["echo"] == ["ü", 1]
        facts = running.invoke({"do": "facts"})
        assert (facts["start"], facts["cwd"]) == ("restored", "/var/task")
        assert facts["task"] == ["bootstrap"]


def test_data_files_and_another_handler(built, tmp_path, podman_storage):
    """Files of packages in their places; nothing but /tmp can be written, as on Lambda."""
    output = built("packages", "app.handler")
    archive = tmp_path / "image.tar"
    make_image(output, "--tag", "nb-test:data", "--emulator", "--output", archive)
    with containers.loaded(archive) as name:
        flags = ("--read-only", "--user=993:990", "--tmpfs=/tmp")
        with containers.answering(*flags, name) as running:
            assert running.invoke({"use": "dateutil"}) == ["2026-11-22T11:00:00+01:00"] * 2
        with containers.answering(*flags, name, "app.missing") as running:
            assert running.invoke({})["errorType"] == "Runtime.HandlerNotFound"


def test_an_image_for_arm64_answers_under_qemu(built, tmp_path, podman_storage, emulator_binary):
    """On x86_64 without binfmt: the emulator of this machine starts qemu, which starts the image's
    program."""
    if targets.host().arch != "x86_64":
        pytest.skip("on arm64 it is the test above")
    qemu = room.find_emulator(targets.find("arm64"))
    output = built("sample", "app.handler", "--arch", "arm64")
    archive = tmp_path / "image.tar"
    make_image(output, "--tag", "nb-test:arm64", "--output", archive)
    with containers.loaded(archive) as name:
        found = json.loads(containers.podman("image", "inspect", name))
        assert (found[0]["Architecture"], found[0]["Os"]) == ("arm64", "linux")
        mounts = (f"--volume={qemu}:/qemu:ro", f"--volume={emulator_binary}:/rie:ro")
        options = ("--platform=linux/arm64", *mounts, "--entrypoint=/rie")
        with containers.answering(*options, name, "/qemu", PROGRAM, "app.handler") as running:
            assert running.invoke({"do": "echo", "value": 7})["echo"] == 7


def test_a_trust_store_for_scratch(output, tmp_path):
    store = tmp_path / "own.pem"
    store.write_text("-----BEGIN CERTIFICATE-----\n")
    make_image(output, "--certificates", store, "--output", tmp_path / "image.tar")
    layout = unpack(tmp_path / "image.tar", tmp_path / "layout")
    names = []
    for name in json.loads((layout / "manifest.json").read_bytes())[0]["Layers"]:
        with tarfile.open(layout / name) as layer:
            names += layer.getnames()
    assert "etc/pki/tls/certs/ca-bundle.crt" in names


def test_no_build_there(tmp_path):
    assert_one_message(build_native("image", tmp_path), 53, "no function.zip", "build it first")


def test_a_damaged_zip(tmp_path):
    (tmp_path / "function.zip").write_bytes(b"PK nothing")
    assert_one_message(build_native("image", tmp_path), 53, "function.zip cannot be read")


def test_an_impossible_name(output, tmp_path):
    result = build_native("image", output, "--tag", "No Name")
    assert_one_message(result, 2, "--tag No Name: no name of an image")


def test_a_label_without_a_value(output):
    assert_one_message(build_native("image", output, "--label", "team"), 2, "not NAME=VALUE")


def test_a_folder_of_something_else_stays(output, tmp_path):
    (tmp_path / "precious").write_text("x")
    result = build_native("image", output, "--format", "layout", "--output", tmp_path)
    assert_one_message(result, 53, "is a folder with other files")
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_nothing_half_written_where_there_is_no_room(output, tmp_path, tiny):
    full = tiny(tmp_path, "1m")
    result = build_native("image", output, "--output", full / "image.tar")
    assert_one_message(result, 40, "the disk is full")
    assert list(full.iterdir()) == []
