"""Credentials that are looked up when they are first used, in the running process.

A client made while the image is made gets one of these instead of the build machine's. Its first
use asks the session's own providers, as `Session.get_credentials` would have done, and then the
object *becomes* what they give: class and contents, so refreshable ones go on refreshing and
nothing stands in between.
"""

from __future__ import annotations

import _contextvars
import _thread
import sys

from native_bootstrap.runtime.snapshot.adapters import reads
from native_bootstrap.runtime.snapshot.adapters.botocore_region import PACKAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_FEATURE = "CREDENTIALS_ENV_VARS"  # what botocore notes in its User-Agent on Lambda
_lock = _thread.RLock()
_initialising = True
_class: Any = None


def make_class() -> None:
    """Call once, when botocore is there."""
    global _class  # noqa: PLW0603

    class LateCredentials(sys.modules["botocore.credentials"].Credentials):  # type: ignore[misc]
        def __init__(self, session: Any) -> None:
            self._session = session

        @property
        def method(self) -> str | None:
            # `create_client` asks for it, to tell explicit credentials.
            return None if _initialising else _resolve(self, "method")

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return _resolve(self, name)

        def get_frozen_credentials(self) -> Any:
            get = _resolve(self, "get_frozen_credentials")
            return get() if get is not None else None  # None: unsigned, `NoCredentialsError`

        def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
            return lambda: getattr(self, property_name, None)

    _class = LateCredentials


def of(session: Any) -> Any:
    """`Session.get_credentials` while the image is made: explicit ones as they are."""
    if session._credentials is None:  # noqa: SLF001
        session._credentials = _class(session)  # noqa: SLF001
        note = getattr(sys.modules["botocore.useragent"], "register_feature_id", None)
        if note is not None:
            note(_FEATURE)
    return session._credentials  # noqa: SLF001


def freeze() -> None:
    """From here on, a use is one in the running process."""
    global _initialising  # noqa: PLW0603
    _initialising = False


def _resolve(late: Any, name: str) -> Any:
    """The attribute of the real credentials; None where the providers have none."""
    if _initialising:
        get = sys.modules["os"].environ.get
        reads.report("environment", PACKAGES, get, "AWS_ACCESS_KEY_ID")
        return None  # the build has none
    with _lock:
        if type(late) is _class:
            provider = vars(late)["_session"].get_component("credential_provider")
            # A context of its own: where they come from is noted already, with the client.
            real = _contextvars.Context().run(provider.load_credentials)
            if real is None:
                return None
            late.__dict__ = real.__dict__
            late.__class__ = type(real)
    return getattr(late, name)
