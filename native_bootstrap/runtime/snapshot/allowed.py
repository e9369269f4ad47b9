"""Reads that leave nothing behind, or only what every machine has, with the reason for each.

What needs something done after a restore is no business of this list but of an adapter (see
`adapters.reads`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from native_bootstrap.runtime.snapshot.blame import Place


class Row:
    """Kind of read; `reader`: module of the innermost frame; `within`: of any frame below the
    module's own; `executing`: the module under execution. Each may be "" for any."""

    def __init__(
        self,
        kind: str,
        *,
        reader: str = "",
        within: str = "",
        executing: str = "",
        binary: str = "",
        reason: str,
    ) -> None:
        self.kind = kind
        self.reader = reader
        self.within = within
        self.executing = executing
        self.binary = f"/{binary}/" if binary else ""
        self.reason = reason

    def matches(self, kind: str, place: Place, binary: str) -> bool:
        return (
            kind == self.kind
            and self.binary in binary
            and self.executing in ("", place.module)
            and self.reader in ("", place.calls[0][0] if place.calls else place.module)
            and (not self.within or any(name == self.within for name, _ in place.calls))
        )


_DEADLINE = "a deadline that is over when the call returns"
_SET_UP = "OpenSSL's own set-up: it seeds itself again where it finds another process id"
_SYSTEM = "asks for the operating system's name"
_ZONE = "tzset() looks at the clock; names of time zones are compared again at each use"
_LAYERS = "looks for packages where Lambda's layers have theirs; a bootstrap has no layer"
_LABEL = "the kernel's name and version in a User-Agent header"
_RECORD = "the time of a log record, which is written at once"
_USER_SITE = "the folder of `pip install --user`, which a bootstrap has not"
_DRAWN_LATER = "an object that draws when it is used"
_HASH_KEYS = "keys of its hash tables, like the interpreter's own: one set for each image"
_KEY = "part of a key that nobody else in the process must have"
_REPLACED = "its adapter replaces what is drawn"
_TAKEN_BACK = "a switch for OpenBLAS, taken back a few lines later"

ROWS = (
    *(Row("clock", reader=name, reason=_DEADLINE) for name in (
        "threading", "queue", "selectors", "subprocess", "socket", "asyncio.base_events",
        "concurrent.futures._base", "multiprocessing.connection", "sched", "_py_warnings",
    )),
    *(Row(kind, executing=name, reason=_SET_UP) for name in ("ssl", "_ssl", "hashlib", "_hashlib")
      for kind in ("entropy", "clock", "pid", "machine")),
    *(Row("machine", executing=name, reason=_SYSTEM) for name in (
        "uuid", "ctypes", "ctypes.util", "platform", "sysconfig", "mimetypes", "webbrowser",
    )),
    Row("machine", within="importlib.metadata", reason=_LAYERS),
    Row("entropy", executing="secrets", reason=_DRAWN_LATER),
    Row("entropy", executing="random", reason="its generator is seeded again in a forked child"),
    Row("pid", executing="threading", reason="thread ids are set again in a forked child"),
    Row("clock", reader="_strptime", reason=_ZONE),
    Row("clock", reader="structlog.processors", reason=_RECORD),
    Row("pid", within="loguru._logger", reason=_RECORD),
    Row("machine", within="slack_sdk.web.internal_utils", reason=_LABEL),
    Row("clock", executing="_strptime", reason=_ZONE),
    Row("entropy", within="opentelemetry.context", reason=_KEY),
    Row("entropy", executing="langsmith._internal._constants", reason=_REPLACED),
    Row("state", reader="numpy._core", reason=_TAKEN_BACK),
    # The Rust crate ahash; what Rust's own library draws is "hash keys" already.
    *(Row("entropy", binary=name, reason=_HASH_KEYS) for name in ("pydantic_core",)),
)  # fmt: skip
# Module that reads, variable.
_VARIABLES = {
    ("sysconfig", "HOME"): _USER_SITE,
    ("sysconfig", "PYTHONUSERBASE"): _USER_SITE,
}


def reason(kind: str, place: Place, binary: str = "") -> str | None:
    """Why a read does no harm; None if it does."""
    for row in ROWS:
        if row.matches(kind, place, binary):
            return row.reason
    return None


def variable(reader: str, name: str) -> str | None:
    """Why it does not matter what value `reader` saw; None if it does."""
    return _VARIABLES.get((reader, name))
