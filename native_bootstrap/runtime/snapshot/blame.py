"""Whose code is running: the stack of modules under execution, and the frames below the last."""

from __future__ import annotations

import sys
from _thread import get_ident

from native_bootstrap.runtime.snapshot import imports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_OBSERVERS = tuple(f"{__name__.rpartition('.')[0]}.{name}"
                   for name in ("audit", "locate", "observer", "probes", "variables"))  # fmt: skip
_LINKS = 20  # from an exception to the one that it was made of; they may go in a circle
# As our dlopen says it (nb_load.c), and what packages like Cryptodome make of find_library's None.
_NO_LIBRARY = (
    ": not found, neither in the program nor along LD_LIBRARY_PATH",
    ", which is not there (its run path: ",
    "annot load library ",
)
# Library functions that only pass a question on.
_PASSING_ON = ("os", "posix", "posixpath", "_collections_abc", "collections.abc")


class Running:
    """A module under execution. `needs`: a deferred module that its code has asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.needs = ""


class Place:
    """Where something happened.

    `module`: the innermost module under execution ("": none), `file` and `line`: its innermost
    frame; `chain`: all modules under execution, outermost first; `calls`: (module, function) of the
    frames below the module's own, innermost first.
    """

    def __init__(
        self,
        chain: list[str],
        file: str | None = None,
        line: int | None = None,
        calls: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.module = chain[-1] if chain else ""
        self.chain = chain
        self.file = file
        self.line = line
        self.calls = calls

    def fields(self) -> dict[str, object]:
        """As the report's events have it."""
        return {
            "module": self.module or None,
            "file": self.file,
            "line": self.line,
            "chain": self.chain,
        }

    @property
    def library(self) -> str:
        """The dependency whose code did it for the module; "" where it did so itself, or by the
        standard library."""
        for name, _ in self.calls:
            if name.partition(".")[0] not in (*sys.stdlib_module_names, "native_bootstrap"):
                return "" if name == self.module else name
        return ""

    @property
    def reader(self) -> str:
        """The module whose code asked: behind the library functions that only pass things on."""
        for name, _ in self.calls:
            if name not in _PASSING_ON:
                return name
        return self.module


class Stacks:
    """The modules under execution, per thread."""

    def __init__(self) -> None:
        self._main = get_ident()
        self._by_thread: dict[int, list[Running]] = {self._main: []}

    def push(self, name: str) -> Running:
        running = Running(name)
        self._by_thread.setdefault(get_ident(), []).append(running)
        return running

    def pop(self, running: Running) -> None:
        for stack in self._by_thread.values():
            if running in stack:
                del stack[stack.index(running) :]

    def current(self) -> list[Running]:
        """This thread's modules; those of the main thread where it has none of its own."""
        return self._by_thread.get(get_ident()) or self._by_thread[self._main]

    def chain(self) -> list[str]:
        return [running.name for running in self.current()]

    def place(self, frame: FrameType | None) -> Place:
        """Where `frame`, the innermost one, is."""
        chain = self.chain()
        module = chain[-1] if chain else ""
        file = line = None
        calls: list[tuple[str, str]] = []
        while frame is not None and frame.f_code is not imports.CODE:
            name = frame.f_globals.get("__name__")
            if not isinstance(name, str):
                name = ""
            if calls or name not in _OBSERVERS:
                calls.append((name, frame.f_code.co_name))
            if file is None and module and name == module:
                file, line = frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        if file is None:
            file = file_of(module)
        return Place(chain, file, line, tuple(calls))


def lacks_code(error: BaseException | None) -> bool:
    """An ImportError, or what a library has made of one: `except ImportError: raise Disabled()`.

    Or the OSError of a shared library that is not there: the system's are not for us.
    """
    is_message = type(error) is OSError and error.errno is None
    if is_message and any(words in str(error) for words in _NO_LIBRARY):
        return True
    for _ in range(_LINKS):
        if error is None:
            return False
        if isinstance(error, ImportError):
            return True
        error = error.__cause__ or error.__context__
    return False


def file_of(module: str) -> str | None:
    """The module's `__file__`, without running any code of its."""
    try:
        file = vars(sys.modules[module]).get("__file__")
    except (KeyError, TypeError):
        return None
    return file if isinstance(file, str) else None


def place_of_error(error: BaseException, module: str) -> tuple[str | None, int | None]:
    """File and line in `module` where the exception came through, the innermost."""
    found: tuple[str | None, int | None] = (None, None)
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__") == module:
            found = (frame.f_code.co_filename, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found
