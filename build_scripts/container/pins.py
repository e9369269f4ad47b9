"""What the names of base images stand for today: digests, from their registries, in a lock file.

Source: the OCI distribution specification 1.1 ("Pulling manifests") and Docker's token
authentication, which public registries ask for.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_scripts import cache
from build_scripts.pack import providers
from native_bootstrap.errors import ConfigError, ContainerImageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from build_scripts.log import Log

LOCK = "images.lock.toml"
TIMEOUT = 20.0  # seconds
ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DOCKER_HUB = "registry-1.docker.io"


def pin(references: Mapping[str, str], lock: Path, *, log: Log) -> dict[str, str]:
    """Write the digest of each image (name: reference) into ``lock``; all of them or nothing."""
    found = {}
    for name, reference in references.items():
        with log.step("pin", detail=reference):
            found[name] = digest(reference)
    lines = ["# Written by `build-native container pin`: what these names stood for then.", ""]
    rows = dict(sorted((references[name], value) for name, value in found.items()))
    lines += [f"{json.dumps(reference)} = {json.dumps(value)}" for reference, value in rows.items()]
    with cache.translate_os_errors(lock):
        partial = lock.with_name(f".{lock.name}.partial")
        try:
            partial.write_text("\n".join([*lines, ""]), encoding="utf-8")
            partial.replace(lock)
        finally:
            partial.unlink(missing_ok=True)
    return rows


def locked(reference: str, lock: Path) -> str:
    """``reference`` by its digest in ``lock``; ConfigError when it is not there."""
    try:
        rows = tomllib.loads(lock.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--lock {lock}: {error}") from error
    value = rows.get(reference, "")
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ConfigError(
            f"--lock {lock} has no digest for {reference}",
            hint="write it: build-native container pin",
        )
    return f"{_split(reference)[3]}@{value}"


def digest(reference: str) -> str:
    """The digest that the registry of ``reference`` answers with now."""
    base, name, tag, _ = _split(reference)
    url = f"{base}/v2/{name}/manifests/{tag}"
    answer = _get(url, {"Accept": ACCEPT}, reference)
    if answer.status == 401:
        token = _token(answer.headers.get("WWW-Authenticate", ""), name, reference)
        answer = _get(url, {"Accept": ACCEPT, "Authorization": f"Bearer {token}"}, reference)
    found = answer.headers.get("Docker-Content-Digest", "")
    if answer.status != 200 or not _DIGEST.fullmatch(found):
        raise ContainerImageError(
            f"the registry has no digest for {reference}: status {answer.status}",
            hint="correct the name, or log in to that registry's mirror",
        )
    return str(found)


def _split(reference: str) -> tuple[str, str, str, str]:
    """(address of the registry, name there, tag, reference without its tag)."""
    rest, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:
        rest, tag = reference, "latest"
    host, slash, name = rest.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, name = _DOCKER_HUB, rest if slash else f"library/{rest}"
    local = host.partition(":")[0] in ("localhost", "127.0.0.1")
    return f"http{'' if local else 's'}://{host}", name, tag, rest


def _get(url: str, headers: Mapping[str, str], reference: str) -> Any:
    import urllib3

    timeout = urllib3.Timeout(TIMEOUT)
    try:
        with providers.pool_manager(url) as pool:
            return pool.request(
                "GET", url, headers=dict(headers), timeout=timeout, retries=urllib3.Retry(1)
            )
    except (urllib3.exceptions.HTTPError, urllib3.exceptions.HTTPWarning) as error:
        raise ContainerImageError(
            f"the registry of {reference} cannot be reached: {providers.root_cause(error)}",
            hint="check network and proxy; the lock file is as it was",
        ) from error


def _token(challenge: str, name: str, reference: str) -> str:
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not challenge.startswith("Bearer ") or "realm" not in fields:
        raise ContainerImageError(f"the registry of {reference} wants a login of another kind")
    scope = fields.get("scope", f"repository:{name}:pull")
    query = f"?service={fields.get('service', '')}&scope={scope}"
    answer = _get(fields["realm"] + query, {}, reference)
    try:
        found = json.loads(answer.data)
        return str(found.get("token") or found["access_token"])
    except (ValueError, LookupError, AttributeError):
        raise ContainerImageError(
            f"the registry of {reference} gives no access: status {answer.status}"
        ) from None
