"""Environment variables while observing: who reads which.

`posix.environ`, and with it what `os.environ` and `os.environb` keep their values in, is a dict
that tells about each access. The plain dict is put back at the end, with what has been written.
"""

from __future__ import annotations

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, KeysView, ValuesView
    from typing import Any, Protocol

    class Listener(Protocol):
        """Called before the access."""

        def read(self, name: bytes) -> None: ...
        def iterate(self) -> None: ...
        def write(self, name: bytes, value: bytes | None) -> None: ...


_ABSENT: Any = object()


class Recorder(dict[bytes, bytes]):
    """A dict whose every use is told to a listener. (Asking for its length tells nothing.)"""

    listener: Listener

    def __getitem__(self, key: bytes) -> bytes:
        self.listener.read(key)
        return super().__getitem__(key)

    def get(self, key: bytes, default: Any = None) -> Any:
        self.listener.read(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, bytes):
            self.listener.read(key)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[bytes]:
        self.listener.iterate()
        return super().__iter__()

    def keys(self) -> KeysView[bytes]:  # type: ignore[override]
        self.listener.iterate()
        return super().keys()

    def values(self) -> ValuesView[bytes]:  # type: ignore[override]
        self.listener.iterate()
        return super().values()

    def items(self) -> ItemsView[bytes, bytes]:  # type: ignore[override]
        self.listener.iterate()
        return super().items()

    def copy(self) -> dict[bytes, bytes]:
        self.listener.iterate()
        return dict(super().items())

    def __eq__(self, other: object) -> bool:
        self.listener.iterate()
        return super().__eq__(other)

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return self.copy() | other

    def __repr__(self) -> str:
        return repr(self.copy())

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.listener.write(key, value)
        super().__setitem__(key, value)

    def __delitem__(self, key: bytes) -> None:
        self.listener.read(key)  # raises KeyError, or does not
        super().__delitem__(key)
        self.listener.write(key, None)

    def pop(self, key: bytes, default: Any = _ABSENT) -> Any:
        try:
            value = self[key]
        except KeyError:
            if default is _ABSENT:
                raise
            return default
        del self[key]
        return value

    def popitem(self) -> tuple[bytes, bytes]:
        key = next(reversed(self.copy()), None)
        if key is None:
            raise KeyError("popitem(): dictionary is empty")
        return key, self.pop(key)

    def setdefault(self, key: bytes, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *others: Any, **more: Any) -> None:
        for key, value in dict(*others, **more).items():
            self[key] = value

    def __ior__(self, other: Any) -> Recorder:  # type: ignore[override]  # noqa: PYI034
        self.update(other)
        return self

    def clear(self) -> None:
        for key in list(self.copy()):
            del self[key]


class Variables:
    """The replaced environment."""

    def __init__(self, listener: Listener) -> None:
        self._plain: dict[bytes, bytes] = posix.environ
        self._recorder = Recorder(self._plain)
        self._recorder.listener = listener
        self._swap(self._plain, self._recorder)

    def _swap(self, old: dict[bytes, bytes], new: dict[bytes, bytes]) -> None:
        posix.environ = new
        os = sys.modules.get("os")
        for name in ("environ", "environb"):
            mapping = getattr(os, name, None)
            if getattr(mapping, "_data", None) is old:
                mapping._data = new  # type: ignore[union-attr]  # noqa: SLF001

    def put_back(self) -> None:
        """The plain dict again, with the present values."""
        self._plain.clear()
        self._plain.update(dict.items(self._recorder))
        self._swap(self._recorder, self._plain)
