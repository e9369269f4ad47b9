"""botocore's models of services: half of the zip of a function that uses boto3.

400 services at 34 kB each are shipped, as nothing tells which of them a program may ask for by its
name. Who knows says so (``--aws-services dynamodb``); the others are then left out.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from native_bootstrap.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from build_scripts.modules import DataFile

FOLDERS = ("botocore/data", "boto3/data")
# botocore asks for these itself, to get credentials.
ALWAYS = frozenset(("signin", "sso", "sso-oidc", "sts"))


def select(data: Sequence[DataFile], services: Collection[str]) -> tuple[DataFile, ...]:
    """``data`` without the models of services that are not in ``services`` (empty: all stay).

    Raises UsageError for a service that botocore does not know.
    """
    if not services:
        return tuple(data)
    known = {_service(item.path) for item in data} - {""}
    for name in services:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), 1)
            raise UsageError(
                f"--aws-services: botocore has no service {name!r}"
                + ("" if known else ": the function does not require boto3"),
                hint=f"did you mean {close[0]!r}?" if close else "as in boto3.client(NAME)",
            )
    kept = ALWAYS | set(services) | {""}
    return tuple(item for item in data if _service(item.path) in kept)


def _service(path: str) -> str:
    """The service that a file describes; "" for one that is no service's."""
    for folder in FOLDERS:
        name, slash, _ = path.removeprefix(folder + "/").partition("/")
        if path.startswith(folder + "/") and slash:
            return name
    return ""
