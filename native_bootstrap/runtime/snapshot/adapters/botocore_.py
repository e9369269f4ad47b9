"""botocore and boto3: what is made at import uses the running function's credentials and region.

While the image is made, sessions give credentials that are looked up later
(`botocore_credentials`), and clients without a region of their own are made for a placeholder
(`botocore_region`). Whoever looks at such a credential, region or endpoint before the process runs
is seen by the observer as a reader of the variable, and left to the running process.

Written for botocore 1.34 and later; what another one lacks refuses it.
"""

# ruff: noqa: SLF001 - botocore's privates are what this is about

from __future__ import annotations

import posix
import sys
import time
import weakref

from native_bootstrap.runtime.snapshot import adapters
from native_bootstrap.runtime.snapshot.adapters import (
    botocore_credentials,
    botocore_region,
    botocore_tls,
    reads,
    traces,
)
from native_bootstrap.runtime.snapshot.adapters.botocore_region import PLACEHOLDER, LateClient
from native_bootstrap.runtime.snapshot.adapters.patches import Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_REGION = b"AWS_DEFAULT_REGION"
_RUNTIME = b"AWS_EXECUTION_ENV"
_OF_REGION = ("region_name", "endpoint_url", "partition", "config")  # of ClientMeta

_patches = Patches()
_sessions: list[weakref.ref[Any]] = []
_regionless: list[weakref.ref[Any]] = []
_clients: list[weakref.ref[Any]] = []
_late: list[LateClient] = []
_limiters: list[weakref.ref[Any]] = []  # of adaptive retries
_agents: list[dict[str, Any]] = []  # attributes of user agent objects
_texts: list[tuple[dict[str, Any], str, str, str, str]] = []


def prepare() -> None:
    session: Any = sys.modules["botocore.session"]
    client: Any = sys.modules["botocore.client"]
    agent: Any = sys.modules["botocore.useragent"]
    replace = _patches.replace
    try:
        botocore_credentials.make_class()
        replace(session.Session, "__init__", _noting(_sessions))
        replace(session.Session, "get_credentials", lambda _: botocore_credentials.of)
        if not _has_region():
            replace(session.Session, "_resolve_region_name", _resolve_region_name)
            replace(client.ClientCreator, "_get_client_args", _get_client_args)
            replace(client.ClientCreator, "_set_s3_presign_signature_version", _presign)
            for name in _OF_REGION:
                replace(client.ClientMeta, name, _reported)
        replace(client.ClientCreator, "create_client", _create_client)
        replace(
            agent.UserAgentString, "from_environment", lambda f: classmethod(_careful(f.__func__))
        )
        replace(session.Session, "user_agent", _careful)
        replace(sys.modules["botocore.retries.adaptive"], "register_retry_handler", _limited)
    except (AttributeError, KeyError) as error:
        raise adapters.Refused(f"a botocore without {error}") from None


def freeze() -> None:
    _patches.undo()
    botocore_credentials.freeze()
    _late[:] = [late for late in _late if late.client is not None]
    regions: dict[int, list[str]] = {}
    for late in _late:
        loader = late.creator._loader
        if id(loader) not in regions:
            regions[id(loader)] = botocore_region.regions_of(late.creator)
        late.prepare(regions[id(loader)])
    for session in _alive(_sessions):
        if session._last_client_region_used == PLACEHOLDER:
            session._last_client_region_used = None
            _regionless.append(weakref.ref(session))
        agent = session._components._components.get("user_agent_creator")
        if agent is not None:
            _agents.append(vars(agent))
    with adapters.care("botocore"):
        release = sys.modules["platform"].release()
    for client in _alive(_clients):
        _agents.append(vars(client._user_agent_creator))
        config = client.meta.config
        for target in (vars(config), config._user_provided_options):
            _take_apart(target, release)
        botocore_tls.preload(client)
    if _late:
        _look_for_traces()


def _look_for_traces() -> None:
    """Whoever has kept the placeholder, in spite of all, would keep it for ever."""
    found = traces.holders(PLACEHOLDER)
    if found:
        raise adapters.Refused(f"the region of a botocore client is kept by {', '.join(found)}")


def restore() -> None:
    environ = posix.environ
    raw = environ.get(_REGION)
    region = None if raw is None else raw.decode("utf-8", "surrogateescape")
    for late in _late:
        late.set_region(region)
    for reference in _regionless:
        session = reference()
        if session is not None:
            session._last_client_region_used = region
    if _agents:
        _name_machine(environ.get(_RUNTIME))
    for reference in _limiters:
        limiter = reference()
        if limiter is not None:
            now = time.time()
            limiter._rate_adjustor._last_fail = now
            limiter._rate_clocker._last_bucket = now // 1
            limiter._token_bucket._last_timestamp = now


def _name_machine(runtime: bytes | None) -> None:
    """The parts of the User-Agent header that are this machine's."""
    name = None if runtime is None else runtime.decode("utf-8", "surrogateescape")
    release = posix.uname().release
    for agent in _agents:
        agent["_platform_version"] = release
        agent["_execution_env"] = name
    for target, key, before, middle, after in _texts:
        where = f" exec-env/{name}" if name else ""
        target[key] = before + release + middle + where + after


def _take_apart(target: dict[str, Any], release: str) -> None:
    """Note where `release`, the build's, stands in a configuration's text for the User-Agent."""
    text = target.get("user_agent")
    if not isinstance(text, str):
        return
    before, system, rest = text.partition("os/linux#" + release)
    if system:
        head, implementation, tail = rest.partition("md/pyimpl#")
        name, blank, after = tail.partition(" ")
        start = before + "os/linux#"
        _texts.append((target, "user_agent", start, head + implementation + name, blank + after))


# ---- what stands in botocore while the image is made ----


def _limited(original: Any) -> Any:
    def register_retry_handler(client: Any) -> Any:
        with adapters.care("botocore"):
            limiter = original(client)
        _limiters.append(weakref.ref(limiter))
        return limiter

    return register_retry_handler


def _alive(references: list[weakref.ref[Any]]) -> list[Any]:
    """The objects that are left; `references` holds no others from here on."""
    objects = [reference() for reference in references]
    references[:] = [weakref.ref(one) for one in objects if one is not None]
    return [one for one in objects if one is not None]


def _has_region() -> bool:
    """A declared region is one like any other variable: a guard sees to it."""
    with adapters.care("botocore"):
        return _REGION in posix.environ


def _noting(references: list[weakref.ref[Any]]) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def initialise(self: Any, *arguments: Any, **options: Any) -> None:
            references.append(weakref.ref(self))
            original(self, *arguments, **options)

        return initialise

    return make


def _resolve_region_name(original: Any) -> Any:
    def resolve(self: Any, region_name: str | None, config: Any) -> Any:
        given = region_name or (config is not None and config.region_name)
        if not given and not self._session_instance_vars.get("region"):
            region_name = PLACEHOLDER
        return original(self, region_name, config)

    return resolve


def _create_client(original: Any) -> Any:
    def create_client(self: Any, *arguments: Any, **options: Any) -> Any:
        before = len(_late)
        client = original(self, *arguments, **options)
        for late in _late[before:]:  # at most one
            late.made(client)
        _clients.append(weakref.ref(client))
        return client

    return create_client


def _get_client_args(original: Any) -> Any:
    def get_client_args(self: Any, model: Any, region: str | None, *more: Any) -> Any:
        def make(wanted: str | None) -> Any:
            return botocore_region.without_connections(original, self, model, wanted, *more)

        if region == PLACEHOLDER:
            _late.append(LateClient(self, make))
        return original(self, model, region, *more)

    return get_client_args


def _presign(original: Any) -> Any:
    def set_version(self: Any, meta: Any, *more: Any) -> None:
        late = _late[-1] if _late else None
        if late is None or vars(meta)["_client_config"].region_name != PLACEHOLDER:
            original(self, meta, *more)
            return
        late.decide_signer(meta, lambda stub: original(self, stub, *more))

    return set_version


def _reported(original: property) -> property:
    def value(meta: Any) -> Any:
        caller = str(sys._getframe(1).f_globals.get("__name__")).partition(".")[0]
        if caller not in botocore_region.PACKAGES and any(
            late.client is not None and late.client.meta is meta for late in _late
        ):
            get = sys.modules["os"].environ.get
            reads.report("environment", botocore_region.PACKAGES, get, "AWS_DEFAULT_REGION")
        return original.fget(meta)  # type: ignore[misc]

    return property(value)


def _careful(original: Any) -> Any:
    def call(*arguments: Any) -> Any:
        with adapters.care("botocore"):
            return original(*arguments)

    return call
