"""A base image to build upon: an OCI layout, or an archive as engines save them."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts.image import layers, oci
from build_scripts.image.layers import Layer
from native_bootstrap.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from build_scripts.targets import Target

TAR = "application/vnd.oci.image.layer.v1.tar"
# Docker's names for what the OCI specification calls otherwise.
DOCKER_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": layers.GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": TAR,
}


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a new image takes over; ``digest``: the base's manifest, "" where there is none."""

    layers: Sequence[Layer] = ()
    config: Mapping[str, Any] | None = None
    history: Sequence[Mapping[str, Any]] = ()
    digest: str = ""


def read(source: Path, target: Target, scratch: Path) -> Base:
    """The image in ``source`` for ``target``; an archive is unpacked into ``scratch``."""
    try:
        folder = source if source.is_dir() else _unpack(source, scratch)
        if (folder / "index.json").is_file():
            return _from_layout(folder, target, source)
        return _from_docker(folder, target, source, scratch)
    except (OSError, ValueError, LookupError, TypeError, tarfile.TarError, zlib.error) as error:
        raise ImageError(
            f"{source} is no image that can be read: {error}",
            hint="give an OCI layout, or an archive as `podman save` and `docker save` write it",
        ) from error


def _unpack(source: Path, scratch: Path) -> Path:
    folder = scratch / "base"
    with tarfile.open(source) as archive:
        for member in archive:
            if member.isfile() and ".." not in Path(member.name).parts:
                place = folder / member.name.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                file = archive.extractfile(member)
                assert file is not None
                with file, place.open("wb") as out:
                    shutil.copyfileobj(file, out, layers.BLOCK)
            elif member.issym():  # podman's archives name one layer twice
                place = folder / member.name.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                aim = (place.parent / member.linkname).resolve()
                if aim.is_relative_to(folder.resolve()):
                    place.symlink_to(aim)
    return folder


def _from_layout(folder: Path, target: Target, source: Path) -> Base:
    descriptor = _choose(folder, _json(folder / "index.json"), target)
    if descriptor is None:
        raise _wrong_platform(source, target)
    manifest = _json(_place(folder, descriptor["digest"]))
    config = _json(_place(folder, manifest["config"]["digest"]))
    _check(config, target, source)
    found = [
        Layer(
            file=_place(folder, row["digest"]),
            diff_id=diff_id,
            digest=row["digest"],
            size=row["size"],
            media_type=DOCKER_TYPES.get(row["mediaType"], row["mediaType"]),
        )
        for row, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
    ]
    return _base(found, config, descriptor["digest"])


def _choose(folder: Path, index: Mapping[str, Any], target: Target) -> Mapping[str, Any] | None:
    """The manifest for ``target``; an index may hold another one."""
    for row in index["manifests"]:
        platform = row.get("platform", {})
        wanted = oci.ARCHITECTURES[target.arch]
        if platform and (platform.get("os"), platform.get("architecture")) != ("linux", wanted):
            continue
        if row["mediaType"].endswith(("image.index.v1+json", "manifest.list.v2+json")):
            inner = _choose(folder, _json(_place(folder, row["digest"])), target)
            if inner is not None:
                return inner
            continue
        return dict(row)
    return None


def _from_docker(folder: Path, target: Target, source: Path, scratch: Path) -> Base:
    (image, *_) = _json(folder / "manifest.json")
    config = _json(folder / image["Config"])
    _check(config, target, source)
    diff_ids = config["rootfs"]["diff_ids"]
    pairs = zip(image["Layers"], diff_ids, strict=True)
    return _base([_packed(folder / name, diff_id, scratch) for name, diff_id in pairs], config, "")


def _packed(file: Path, diff_id: str, scratch: Path) -> Layer:
    """A layer of Docker's archive, which is a plain tar file, compressed."""
    with file.open("rb") as plain:
        is_packed = plain.read(2) == b"\x1f\x8b"
    if is_packed:
        with gzip.open(file) as content:
            found = layers.pack(content, scratch)
    else:
        with file.open("rb") as content:
            found = layers.pack(content, scratch)
    if found.diff_id != diff_id:
        raise ValueError(f"{file.name} is not the layer {diff_id}")
    return found


def _base(found: Sequence[Layer], config: Mapping[str, Any], digest: str) -> Base:
    rows = list(config.get("history") or ())
    filled = sum(not row.get("empty_layer") for row in rows)
    missing = [{"comment": "of the base image"}] * (len(found) - filled)
    return Base(
        layers=found, config=config.get("config") or {}, history=[*rows, *missing], digest=digest
    )


def _check(config: Mapping[str, Any], target: Target, source: Path) -> None:
    if config["architecture"] != oci.ARCHITECTURES[target.arch]:
        raise _wrong_platform(source, target)


def _wrong_platform(source: Path, target: Target) -> ImageError:
    return ImageError(
        f"{source} has no image for {target.arch}",
        hint=f"the bootstrap is for {target.arch}: give a base image for linux/"
        f"{oci.ARCHITECTURES[target.arch]}",
    )


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _place(folder: Path, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    return folder / "blobs" / algorithm / value
