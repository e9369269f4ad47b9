"""Where sources come from. Any provider will do: the sha256 in the table decides."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from build_scripts import cache
from build_scripts.pack import debian, sources
from build_scripts.scratch import private_folder
from native_bootstrap.errors import SourceHashError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from build_scripts.log import Log
    from build_scripts.pack.sources import Source

ENVIRONMENT = "NATIVE_BOOTSTRAP_SOURCES"
OFFLINE = "NATIVE_BOOTSTRAP_OFFLINE"
CONNECT_TIMEOUT = 10.0  # seconds; also for a host that does not answer at all
READ_TIMEOUT = 60.0


class Provider(Protocol):
    """Delivers archives. ``fetch`` leaves what it has in ``into``; a str says why it has not."""

    name: str

    def fetch(self, source: Source, into: Path, log: Log) -> Path | str: ...


class LocalFolder:
    """A folder of archives, such as a mounted share or a copy from another machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"folder {path}"

    def fetch(self, source: Source, into: Path, log: Log) -> Path | str:
        log.detail(f"  looking into {self.path}")
        for name in (source.file, *source.names):
            candidate = self.path / name
            if candidate.is_file():
                # Checked before the copy, so that the error names the user's own file.
                sources.check(source, candidate, str(candidate))
                return Path(shutil.copyfile(candidate, into / source.file))
        return f"has no {' or '.join((source.file, *source.names))}"


class Upstream:
    """The project's own download page."""

    name = "upstream"

    def fetch(self, source: Source, into: Path, log: Log) -> Path | str:
        import urllib3

        reasons = ["no address known"] if not source.urls else []
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
        for url in source.urls:
            log.detail(f"+ GET {url}")
            try:
                with (
                    pool_manager(url) as pool,
                    pool.request(
                        "GET", url, timeout=timeout, retries=urllib3.Retry(2), preload_content=False
                    ) as response,
                    (into / source.file).open("wb") as out,
                ):
                    if response.status == 200:
                        shutil.copyfileobj(response, out, 1 << 20)
                        return into / source.file
                    reasons.append(f"{url}: status {response.status}")
            except (urllib3.exceptions.HTTPError, urllib3.exceptions.HTTPWarning) as error:
                reasons.append(f"{url}: {root_cause(error)}")
        return "; ".join(reasons)


def pool_manager(url: str) -> Any:  # PoolManager or its subclass ProxyManager
    """Connections as this machine's proxy settings want them."""
    import urllib.request

    import urllib3

    scheme, _, rest = url.partition("://")
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if proxy and not urllib.request.proxy_bypass(rest.partition("/")[0]):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def root_cause(error: BaseException) -> str:
    """What happened, without the layers of urllib3 around it."""
    reason = getattr(error, "reason", None) or error
    return str(reason).partition(": ")[2] or str(reason)


class Distribution:
    """The Debian source archive, through this system's own package client."""

    name = "distribution"

    def fetch(self, source: Source, into: Path, log: Log) -> Path | str:
        return debian.fetch(source, into, log)


def chosen(local: Path | None = None) -> list[Provider]:
    """The providers in the order in which they are asked."""
    folder = local or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    found: list[Provider] = [LocalFolder(folder)] if folder else []
    if not os.environ.get(OFFLINE):
        # The distribution first would be as right; upstream serves every kind of host.
        found += [Upstream(), Distribution()]
    return found


def provide(wanted: Sequence[Source], *, local: Path | None = None, log: Log) -> None:
    """Make sure that all of ``wanted`` lie, verified, in the cache.

    Raises SourceHashError for wrong bytes, SourceUnavailableError (with every provider's reason)
    when nobody has them.
    """
    missing = [source for source in wanted if not sources.is_here(source)]
    if not missing:
        return
    providers = chosen(local)
    for source in missing:
        with log.step("fetch", detail=f"{source.file} ({source.size / 1e6:.1f} MB)"):
            _provide(source, providers, log)


def _provide(source: Source, providers: Sequence[Provider], log: Log) -> None:
    tried: list[str] = []
    wrong: SourceHashError | None = None
    for provider in providers:
        with _private_folder() as work:
            answer = provider.fetch(source, work, log)
            if isinstance(answer, str):
                tried.append(f"  {provider.name}: {answer}")
                log.detail(tried[-1])
                continue
            try:
                sources.check(source, answer, f"{source.file} from {provider.name}")
            except SourceHashError as error:  # such as a proxy's login page: another may have it
                tried.append(f"  {provider.name}: wrong content")
                wrong = wrong or error
                continue
            answer.replace(sources.folder() / source.file)
            return
    if wrong is not None:
        raise wrong
    raise SourceUnavailableError(
        f"{source.name} {source.version} ({source.file}) cannot be had; tried:\n"
        + ("\n".join(tried) or "  nothing (offline, and no folder given)"),
        hint=f"put {' or '.join((source.file, *source.names))} into a folder and name that folder "
        f"in {ENVIRONMENT}, or import a finished pack with `build-native pack import`",
    )


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A scratch folder on the same file system as the final place."""
    target = sources.folder()
    with cache.translate_os_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        with private_folder(".", target) as work:
            yield work
