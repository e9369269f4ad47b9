"""Clients made before the region is known: built for a placeholder, then told the real one.

What depends on the region is found by asking botocore: while the image is made, the arguments of
each such client are made once more for every region that botocore knows, and what is different in
them is kept. In the running process only these few values are put in place.
"""

# ruff: noqa: SLF001 - botocore's privates are what this is about

from __future__ import annotations

import sys
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Changes = list[tuple[dict[Any, Any], dict[Any, Any]]]

PLACEHOLDER = "us-placeholder-1"  # looks like a region of the partition `aws`, and is none
PACKAGES = ("botocore", "boto3", "s3transfer", "aiobotocore")  # what they do with it is their own
# What a client's arguments hold of the region.
_PARTS = ("request_signer", "client_config", "endpoint_ruleset_resolver")
_PLAIN = (str, bool, int, type(None))


class _Host:
    """Stands for an endpoint: the rest of one (connection pool, TLS) does not know the region."""

    def __init__(self, host: str) -> None:
        self.host = host


class _HostCreator:
    def __init__(self, *_: Any) -> None:
        pass

    def create_endpoint(self, *_: Any, endpoint_url: str, **__: Any) -> _Host:
        return _Host(endpoint_url)


class _Meta:
    """Stands for a client's `meta` when botocore decides on a signer."""

    def __init__(self, region: str, partition: str) -> None:
        self.region_name = region
        self.partition = partition
        self.events = self
        self.registered = False

    def register(self, *_: Any) -> None:
        self.registered = True


class LateClient:
    """One client without a region.

    `creator`: the `ClientCreator`; `make(region)` gives the arguments that it would make the client
    with.
    """

    def __init__(self, creator: Any, make: Callable[[str | None], dict[str, Any]]) -> None:
        self.creator = creator
        self._make = make
        self._reference: Callable[[], Any] = lambda: None
        self._table: dict[str | None, Changes | Exception] = {}
        self._decide: Callable[[_Meta], None] | None = None
        self._signer = {"v2": False}

    def made(self, client: Any) -> None:
        """The client is there."""
        self._reference = weakref.ref(client)

    @property
    def client(self) -> Any:
        """The client; None when nobody holds it any more."""
        return self._reference()

    def prepare(self, regions: list[str]) -> None:
        """Work out what each region changes, and make the client one of some real region.

        That way no trace of the placeholder is left.
        """
        known = {}
        for region in regions:
            self._table[region] = changes = self._changes_or_error(region)
            if not isinstance(changes, Exception):
                known[region] = changes
        varying = {
            (id(target), key)
            for changes in known.values()
            for target, values in changes
            for key, value in values.items()
            if key not in target or target[key] != value
        }
        for region, changes in known.items():
            kept = (
                (target, {key: values[key] for key in values if (id(target), key) in varying})
                for target, values in changes
            )
            self._table[region] = [(target, values) for target, values in kept if values]
        for region in list(known)[:1]:
            self.set_region(region)

    def set_region(self, region: str | None) -> None:
        """Make the client one of `region`."""
        changes = self._table.get(region)
        if changes is None:  # a region that this botocore has never heard of, or no region
            changes = self._changes_or_error(region)
        if isinstance(changes, Exception):
            self._break(changes)
            return
        for target, values in changes:
            target.update(values)

    def _break(self, error: Exception) -> None:
        """What would have failed at import in this region fails in the first call."""

        def fail(*_: Any, **__: Any) -> None:
            raise error

        client = self.client
        if client is not None:
            vars(client)["_resolve_endpoint_ruleset"] = fail

    def decide_signer(self, meta: Any, decide: Callable[[_Meta], None]) -> None:
        """S3: in older regions `decide` registers a handler that presigns with version 2."""
        self._decide = decide
        meta.events.register("choose-signer.s3", self._choose_signer)

    def _choose_signer(self, **arguments: Any) -> Any:
        if not self._signer["v2"]:
            return None
        return self.creator._default_s3_presign_to_sigv2(**arguments)

    def _changes_or_error(self, region: str | None) -> Changes | Exception:
        try:
            return self._changes(region)
        except Exception as error:  # no region, or one without what the client asks for
            return error.with_traceback(None)

    def _changes(self, region: str | None) -> Changes:
        arguments = self._make(region)
        client = self.client
        url, partition = arguments["endpoint"].host, arguments["partition"]
        changes: Changes = [
            (vars(client._endpoint), {"host": url}),
            (vars(client.meta), {"_endpoint_url": url, "_partition": partition}),
        ]
        own = (client._request_signer, client.meta.config, client._ruleset_resolver)
        for part, mine in zip(_PARTS, own, strict=True):
            if mine is not None:
                changes += _values(vars(mine), vars(arguments[part]))
        if self._decide is not None:
            meta = _Meta(arguments["client_config"].region_name, partition)
            self._decide(meta)
            changes.append((self._signer, {"v2": meta.registered}))
        return changes


def _values(mine: dict[Any, Any], other: dict[Any, Any]) -> Iterator[Any]:
    """The plain values of `other`, with the dicts that they belong into."""
    for key, value in other.items():
        old = mine.get(key)
        if type(value) is dict and type(old) is dict:
            yield from _values(old, value)
    yield mine, {key: value for key, value in other.items() if isinstance(value, _PLAIN)}


def regions_of(creator: Any) -> list[str]:
    """The regions that this botocore knows."""
    partitions = creator._loader.load_data("partitions")["partitions"]
    return [name for partition in partitions for name in partition["regions"]]


def without_connections(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call `function`, which makes a client's arguments, without an HTTP session for them."""
    module: Any = sys.modules["botocore.args"]
    original = module.EndpointCreator
    module.EndpointCreator = _HostCreator
    try:
        return function(*arguments)
    finally:
        module.EndpointCreator = original
