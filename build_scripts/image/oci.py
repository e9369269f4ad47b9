"""The documents of an image, and the two forms on disk.

Source: the OCI image specification 1.1 (config.md, manifest.md, image-index.md, image-layout.md).
The archive holds the same layout plus Docker's own `manifest.json`, as `docker save` writes it
since version 25: one file for `docker load`, `podman load`, containerd and skopeo.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.image.layers import Layer

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYOUT = {"imageLayoutVersion": "1.0.0"}
BLOBS = "blobs/sha256"
# GOARCH, which the specification asks for.
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image in full. ``config``: its "config" part (Env, Entrypoint, Labels …); ``history``:
    entries for layers of a base image; ``created``: RFC 3339."""

    arch: str
    layers: Sequence[Layer]
    config: Mapping[str, Any]
    created: str
    tag: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Documents:
    """JSON files of a layout by path; ``digest`` is the manifest's, ``image_id`` the config's."""

    files: Mapping[str, bytes]
    digest: str
    image_id: str


def documents(image: Image) -> Documents:
    """All JSON of the layout and of Docker's archive."""
    config = _encode(_config(image))
    manifest = _encode(_manifest(image, config))
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {
                **_descriptor(MANIFEST, manifest),
                "platform": {"architecture": ARCHITECTURES[image.arch], "os": "linux"},
                **({"annotations": _names(image.tag)} if image.tag else {}),
            }
        ],
    }
    docker = [
        {
            "Config": _blob(_digest(config)),
            "RepoTags": [_familiar(image.tag)] if image.tag else None,
            "Layers": [_blob(layer.digest) for layer in image.layers],
        }
    ]
    return Documents(
        files={
            _blob(_digest(config)): config,
            _blob(_digest(manifest)): manifest,
            "index.json": _encode(index),
            "manifest.json": _encode(docker),
            "oci-layout": _encode(LAYOUT),
        },
        digest=_digest(manifest),
        image_id=_digest(config),
    )


def _config(image: Image) -> dict[str, Any]:
    own = len(image.layers) - sum(not row.get("empty_layer") for row in image.history)
    rows = [
        {"created": image.created, "created_by": "build-native image", "comment": layer.comment}
        for layer in image.layers[len(image.layers) - own :]
    ]
    return {
        "created": image.created,
        "architecture": ARCHITECTURES[image.arch],
        "os": "linux",
        "config": dict(image.config),
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in image.layers]},
        "history": [*image.history, *rows],
    }


def _manifest(image: Image, config: bytes) -> dict[str, Any]:
    layers = [
        {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}
        for layer in image.layers
    ]
    found = {"schemaVersion": 2, "mediaType": MANIFEST, "config": _descriptor(CONFIG, config)}
    annotations = {"annotations": dict(image.annotations)} if image.annotations else {}
    return {**found, "layers": layers, **annotations}


def _names(tag: str) -> dict[str, str]:
    """What the loaders of this world look at: podman and skopeo the first, containerd the other."""
    return {
        "io.containerd.image.name": full_name(tag),
        "org.opencontainers.image.ref.name": _familiar(tag),
    }


def full_name(tag: str) -> str:
    """With registry and tag, as containerd wants it."""
    name = _familiar(tag)
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _familiar(tag: str) -> str:
    return tag if ":" in tag.rpartition("/")[2] else f"{tag}:latest"


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _blob(digest: str) -> str:
    return f"{BLOBS}/{digest.partition(':')[2]}"


def _encode(document: Any) -> bytes:
    """Without spaces, keys sorted: one form for one content."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def write_layout(image: Image, made: Documents, folder: Path) -> None:
    """The image as a folder; ``folder`` exists and is empty."""
    (folder / BLOBS).mkdir(parents=True)
    for layer in image.layers:
        shutil.copyfile(layer.file, folder / _blob(layer.digest))
    for path, content in made.files.items():
        if path != "manifest.json":  # Docker reads archives only
            (folder / path).write_bytes(content)


def write_archive(image: Image, made: Documents, target: Path, *, epoch: int) -> None:
    """The image as one file."""
    members: dict[str, bytes | Path | None] = {"blobs": None, BLOBS: None, **made.files}
    members |= {_blob(layer.digest): layer.file for layer in image.layers}
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in sorted(members.items()):
            info = tarfile.TarInfo(path)
            info.mtime = epoch
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            elif isinstance(content, Path):
                info.size = os.path.getsize(content)  # noqa: PTH202
                with content.open("rb") as file:
                    tar.addfile(info, file)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
