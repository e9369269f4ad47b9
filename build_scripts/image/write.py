"""``build-native image``: from the output folder of a build to an image on disk.

The same function gives the same bytes: layers hold no times, owners or names of this machine, and
the image's date is SOURCE_DATE_EPOCH or a fixed one.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache
from build_scripts.image import base, emulator, function, layers, oci
from build_scripts.image.layers import Entry, Layer
from build_scripts.scratch import private_folder
from build_scripts.snapshot import variables
from native_bootstrap.errors import ImageError, UsageError

if TYPE_CHECKING:
    from build_scripts.image.function import Function
    from build_scripts.log import Log

EPOCH = 315532800  # 1980-01-01, as the files in function.zip
PROGRAM = "/var/task/bootstrap"
TRUST_STORE = "etc/pki/tls/certs/ca-bundle.crt"  # Amazon Linux's, the first that a bootstrap tries
LABEL = "io.native-bootstrap"
# The distribution specification's <name> and <reference>, with an optional registry before them.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = re.compile(rf"(?:[A-Za-z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?")


@dataclass(frozen=True, kw_only=True)
class Request:
    """``folder``: of a build. ``form``: archive or layout. ``base``: an image on disk to build
    upon, None: FROM scratch. ``emulator``: AWS's, put in front of the bootstrap;
    ``certificates``: a trust store (PEM)."""

    folder: Path
    output: Path
    tag: str = ""
    form: str = "archive"
    base: Path | None = None
    base_name: str = ""
    emulator: Path | bool = False
    certificates: Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Written:
    """``digest``: the manifest's; ``image_id``: the configuration's; ``size`` of all layers."""

    path: Path
    digest: str
    image_id: str
    arch: str
    layers: Sequence[Layer]
    size: int


def write(request: Request, *, log: Log) -> Written:
    """Write the image; it takes its name when it is complete."""
    if request.tag and not _TAG.fullmatch(request.tag):
        raise UsageError(
            f"--tag {request.tag}: no name of an image",
            hint="small letters, digits and . _ - /, then :TAG, such as shop/app:1.0",
        )
    epoch = _epoch()
    made = function.load(request.folder)
    with (
        cache.translate_os_errors(request.output),
        private_folder(".image-", _nearest(request.output)) as work,
    ):
        under = base.read(request.base, made.target, work) if request.base else base.Base()
        with log.step("layers"):
            own = _layers(request, made, work, epoch, log)
        image = oci.Image(
            arch=made.target.arch,
            layers=(*under.layers, *own),
            config=_config(request, made, under),
            created=_rfc3339(epoch),
            tag=request.tag,
            annotations=_annotations(request, epoch, under),
            history=under.history,
        )
        papers = oci.documents(image)
        partial = work / "image"
        if request.form == "layout":
            partial.mkdir(mode=0o755)
            oci.write_layout(image, papers, partial)
        else:
            oci.write_archive(image, papers, partial, epoch=epoch)
        _publish(partial, request.output)
    return Written(
        path=request.output,
        digest=papers.digest,
        image_id=papers.image_id,
        arch=made.target.arch,
        layers=image.layers,
        size=sum(layer.size for layer in image.layers),
    )


def _epoch() -> int:
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        return int(text) if text else EPOCH
    except ValueError as error:
        raise UsageError(f"SOURCE_DATE_EPOCH={text}: not a number of seconds") from error


def _rfc3339(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nearest(path: Path) -> Path:
    """Scratch space on the file system of the result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent


def _layers(
    request: Request, made: Function, work: Path, epoch: int, log: Log
) -> tuple[Layer, ...]:
    """What changes least comes first, so that a new program is one new layer."""
    parts: list[tuple[str, list[Entry]]] = []
    if request.base is None:  # an image FROM scratch has not even a folder for temporary files
        parts.append(("folders", [Entry(path="tmp", content=None, mode=0o1777)]))
    if request.certificates is not None:
        parts.append(("trust store", [_file(TRUST_STORE, request.certificates, 0o644)]))
    if request.emulator:
        chosen = request.emulator
        binary = chosen if isinstance(chosen, Path) else emulator.fetch(made.target, log=log)
        parts.append(("AWS's emulator", [_file(emulator.PLACE, binary, 0o755)]))
    if made.data:
        parts.append(("data files", list(made.data)))
    parts.append(("bootstrap", [made.program]))
    return tuple(layers.make(rows, work, epoch=epoch, comment=name) for name, rows in parts)


def _file(place: str, source: Path, mode: int) -> Entry:
    try:
        return Entry(path=place, content=source.read_bytes(), mode=mode)
    except OSError as error:
        raise ImageError(f"cannot read {source}: {error.strerror}") from error


def _config(request: Request, made: Function, under: base.Base) -> dict[str, Any]:
    """Lambda gives a container's process these variables and its own, and Cmd as _HANDLER."""
    given = dict(under.config or {})
    environ = dict(row.partition("=")[::2] for row in given.get("Env") or ())
    environ |= variables.FIXED
    front = [f"/{emulator.PLACE}"] if request.emulator else []
    found = {
        **given,
        "Env": [f"{name}={value}" for name, value in environ.items()],
        "Entrypoint": [*front, PROGRAM],
        "WorkingDir": f"/{function.TASK}",
        "Labels": {**(given.get("Labels") or {}), **_labels(request, made), **request.labels},
    }
    found.pop("Cmd", None)
    if made.handler:
        found["Cmd"] = [made.handler]
    if request.emulator:
        found["ExposedPorts"] = {**(given.get("ExposedPorts") or {}), f"{emulator.PORT}/tcp": {}}
    return found


def _labels(request: Request, made: Function) -> dict[str, str]:
    versions = made.facts.get("versions", {})
    snapshot = made.facts.get("snapshot", {})
    facts = {
        "handler": made.handler,
        "version": versions.get("native-bootstrap"),
        "python": versions.get("python"),
        "cpu": made.facts.get("cpu"),
        "snapshot": snapshot.get("level"),
        "function-zip-sha256": made.facts.get("sha256"),
        "local-only": "true" if request.emulator else None,
    }
    return {f"{LABEL}.{name}": str(value) for name, value in facts.items() if value}


def _annotations(request: Request, epoch: int, under: base.Base) -> dict[str, str]:
    found = {"org.opencontainers.image.created": _rfc3339(epoch)}
    if request.base is not None:
        found["org.opencontainers.image.base.name"] = request.base_name or request.base.name
        if under.digest:
            found["org.opencontainers.image.base.digest"] = under.digest
    return found


def _publish(partial: Path, output: Path) -> None:
    """Over an image of before, never over a folder of something else."""
    if output.is_dir():
        if any(output.iterdir()) and not (output / "oci-layout").is_file():
            raise ImageError(
                f"{output} is a folder with other files", hint="choose another --output"
            )
        shutil.rmtree(output)
    elif partial.is_dir():
        output.unlink(missing_ok=True)
    partial.replace(output)
