"""What the kernel knows of the process: descriptors, tasks, mappings, timers, limits …

`Ledger.look` compares with the time before and books what is new on the module that has been
running since; `settle` reports what a module leaves behind at its end.
"""

from __future__ import annotations

import _signal
import posix
import sys

from native_bootstrap.runtime.snapshot import blame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from native_bootstrap.runtime.snapshot.blame import Place
    from native_bootstrap.runtime.snapshot.observer import Observer

    Item = tuple[str, ...]  # kind of thing first

_CHUNK = 1 << 16
_TIMERS = (("ITIMER_REAL", 0), ("ITIMER_VIRTUAL", 1), ("ITIMER_PROF", 2))
# How a descriptor's link begins: kind of offence, words. The first row that fits; the first of all
# only where there is a socket as well, for that is what asyncio's loops have.
_DESCRIPTORS = (
    ("anon_inode:[eventpoll]", "event-loop", "leaves an event loop open"),
    ("anon_inode:[eventpoll]", "descriptor", "leaves an epoll open"),
    ("anon_inode:[timerfd]", "timer", "leaves a timer running"),
    ("anon_inode:", "descriptor", "leaves a descriptor open"),
    ("socket:", "socket", "leaves a socket open"),
    ("pipe:", "descriptor", "leaves a pipe open"),
    ("/memfd:", "descriptor", "leaves a memory file open"),
    ("", "descriptor", "leaves a file open"),
)
# Region and heap (core/nb_region.h, nb_heap.h): what is there becomes part of the image.
_IMAGE = (0x800000000, 0x1000000000 + (16 << 30))
_C_LIBRARY_SIGNALS = 32  # from here on three or so that only the C library uses, for threads
_OWN_MAPPINGS = ("[heap]", "[stack]", "[vdso]", "[vvar]", "[vsyscall]", "[vvar_vclock]")
# What `remember` calls the places where such a thing is made, if not by the item's name.
_MARKS = {"socket": ("socket",), "event-loop": ("socket",), "mapping": ("mmap",)}
_MEMORY_LIMIT = 200 << 20  # Lambda takes 250 MB, program and data included
_ORDER = ("event-loop", "thread", "process", "timer", "mapping")  # the rest follows from these


class Ledger:
    """What there is, and which module has made it."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._owners: dict[Item, str | None] = {}
        self._baseline: frozenset[Item] = frozenset()
        self._marks: dict[tuple[str | None, str], Place] = {}
        self._random: tuple[object, int] | None = None
        self._memory: dict[str | None, int] = {}
        self._memory_before = 0
        self._mappings: list[tuple[int, int, str, str]] = []
        self._has_own_heap = "_nb_archive" in sys.builtin_module_names

    def take_baseline(self) -> None:
        self._mappings = _mappings()
        self._baseline = frozenset(self._items())
        self._memory_before = _memory()

    def remember(self, mark: str, place: Place, name: str = "") -> None:
        """Where something is about to be made that may still be there in the end."""
        if mark == "socket":
            self._place_sockets(place.module or None)
        self._marks[place.module or None, mark + name] = place
        self._marks[place.module or None, mark] = place

    def _place_sockets(self, module: str | None) -> None:
        """Those that are there already were made where the last one was."""
        before = self._marks.get((module, "socket"))
        for item in _open_descriptors():
            if before is not None and item[-1].startswith("socket:"):
                self._marks.setdefault((module, f"file{item[-1]}"), before)

    def look(self, running: list[str]) -> None:
        owner = running[0] if running else None
        now = [item for item in self._items() if item not in self._baseline]
        self._owners = {item: self._owners.get(item, owner) for item in now}
        self._look_at_random()
        memory = _memory()
        self._memory[owner] = self._memory.get(owner, 0) + memory - self._memory_before
        self._memory_before = memory

    def weigh(self) -> None:
        """Blame the module that holds most, when all of them hold too much."""
        if self._memory_before < _MEMORY_LIMIT:
            return
        modules = [name for name in self._memory if name and not _is_standard(name)]
        most = max(modules, key=lambda name: self._memory[name], default=None)
        if most is not None:
            place = blame.Place([most], blame.file_of(most))
            detail = f"holds {self._memory[most] >> 20} MB"
            self._observer.offence("memory", detail, place)

    def settle(self, module: str | None) -> None:
        """Report what `module` leaves (None: what anybody leaves)."""
        mine = [i for i, owner in self._owners.items() if module is None or owner == module]
        has_socket = any(item[-1].startswith("socket:") for item in mine)
        rows = _DESCRIPTORS if has_socket else _DESCRIPTORS[1:]
        found = [(_describe(item, rows), item) for item in mine]
        found.sort(key=lambda row: _ORDER.index(row[0][0]) if row[0][0] in _ORDER else len(_ORDER))
        for (kind, detail), item in found:
            owner = self._owners.pop(item)
            self._baseline |= {item}
            self._observer.offence(kind, detail, self._place(kind, item, owner))

    def _place(self, kind: str, item: Item, owner: str | None) -> Place:
        marks = [*_MARKS.get(kind, ()), "".join(item[:2]), f"file{item[-1]}", item[0]]
        if kind == "socket":
            marks.insert(0, f"file{item[-1]}")
        if item[-1].startswith(_DESCRIPTORS[0][0]):
            marks.insert(0, "epoll")
        for mark in marks:
            place = self._marks.get((owner, mark))
            if place is not None:
                return place
        here = self._observer.place(None)
        if owner is None or owner == here.module:
            return here
        return blame.Place([*here.chain, owner], blame.file_of(owner))

    def _items(self) -> Iterator[Item]:
        yield from _open_descriptors()
        yield from (("task", name) for name in posix.listdir("/proc/self/task"))
        if _has_child():
            yield ("child",)
        yield from (("interval", name) for name, n in _TIMERS if any(_signal.getitimer(n)))
        yield from (("timer", line) for line in _read("/proc/self/timers").splitlines()
                    if line.startswith("ID:"))  # fmt: skip
        yield from _wakeup()
        yield from (("limit", line) for line in _read("/proc/self/limits").splitlines())
        yield ("ids", repr((posix.getresuid(), posix.getresgid(), posix.getgroups())))
        yield ("priority", str(posix.getpriority(posix.PRIO_PROCESS, 0)))
        yield from _foreign_handlers()
        if self._has_own_heap:
            yield from self._foreign_mappings()

    def _foreign_mappings(self) -> Iterator[Item]:
        for begin, end, rights, path in _mappings():
            if path in _OWN_MAPPINGS or (_IMAGE[0] <= begin < _IMAGE[1] and _can_be_kept(rights)):
                continue
            if not _is_covered(begin, end, self._mappings):
                yield ("mapping", f"{begin:x}-{end:x}", path)

    def _look_at_random(self) -> None:
        """Somebody has drawn from `random`'s one generator, or seeded it."""
        generator = getattr(sys.modules.get("random"), "_inst", None)
        if generator is None:
            return
        state = hash(generator.getstate())
        if self._random is not None and self._random != (generator, state):
            here = self._observer.place(None)
            place = self._marks.get((here.module or None, "random"), here)
            self._observer.offence("entropy", "uses the random module's generator", place)
        self._random = (generator, state)


def _describe(item: Item, rows: tuple[tuple[str, str, str], ...]) -> tuple[str, str]:
    """Kind of offence, and the words for it."""
    if item[0] == "descriptor":
        for start, kind, words in rows:
            if item[2].startswith(start):
                return kind, f"{words} ({item[2]})" if words.endswith("file open") else words
    if item[0] == "mapping":
        return "mapping", f"maps {item[2]}" if item[2] else "maps memory"
    return {
        "task": ("thread", "starts a thread"),
        "child": ("process", "starts a process"),
        "interval": ("timer", "sets a timer"),
        "timer": ("timer", "sets a timer"),
        "wakeup": ("signal-wakeup", "sets a wake-up descriptor for signals"),
        "limit": ("state", "changes a resource limit"),
        "ids": ("state", "changes the user or group"),
        "priority": ("state", "changes the scheduling priority"),
        "handler": ("state", "handles a signal in C code"),
    }[item[0]]


def _read(path: str) -> str:
    """The file's text; "" where the kernel does not have it."""
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return ""
    parts = []
    try:
        while part := posix.read(fd, _CHUNK):
            parts.append(part)
    except OSError:
        pass
    finally:
        posix.close(fd)
    return b"".join(parts).decode("utf-8", "replace")


def _memory() -> int:
    """Bytes of private memory in use."""
    for line in _read("/proc/self/status").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    return 0


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in (*sys.stdlib_module_names, "native_bootstrap")


def _link(path: str) -> str | None:
    try:
        return posix.readlink(path)
    except OSError:
        return None


def _open_descriptors() -> Iterator[Item]:
    for name in posix.listdir("/proc/self/fd"):
        target = _link(f"/proc/self/fd/{name}")
        if target is not None:  # else it was the listing's own
            yield ("descriptor", name, target)


def _has_child() -> bool:
    try:
        options = posix.WEXITED | posix.WNOHANG | posix.WNOWAIT
        posix.waitid(posix.P_ALL, 0, options)
    except ChildProcessError:
        return False
    return True


def _wakeup() -> Iterator[Item]:
    try:
        fd = _signal.set_wakeup_fd(-1)
    except ValueError:  # another thread
        return
    if fd != -1:
        yield ("wakeup", str(fd))
        try:
            _signal.set_wakeup_fd(fd)
        except (ValueError, OSError):
            return


def _foreign_handlers() -> Iterator[Item]:
    """Signals that are caught or ignored although Python's own table says otherwise."""
    masks = {"SigIgn": 0, "SigCgt": 0}
    for line in _read("/proc/self/status").splitlines():
        name, _, value = line.partition(":")
        if name in masks:
            masks[name] = int(value, 16)
    own = getattr(sys.modules.get("_nb_snapshot"), "own_signals", int)()
    for number in range(1, _C_LIBRARY_SIGNALS):
        if own >> number & 1:
            continue
        bit = 1 << (number - 1)
        handler = _signal.getsignal(number)
        ignored = handler == _signal.SIG_IGN
        caught = handler is not None and not ignored and handler != _signal.SIG_DFL
        if (bool(masks["SigIgn"] & bit), bool(masks["SigCgt"] & bit)) != (ignored, caught):
            yield ("handler", str(number))


def _can_be_kept(rights: str) -> bool:
    """Not shared, nor writable and executable at once."""
    return rights[3] == "p" and rights[1:3] != "wx"


def _mappings() -> list[tuple[int, int, str, str]]:
    found = []
    for line in _read("/proc/self/maps").splitlines():
        fields = line.split(None, 5)
        begin, _, end = fields[0].partition("-")
        path = fields[5] if len(fields) > 5 else ""
        found.append((int(begin, 16), int(end, 16), fields[1], path))
    return found


def _is_covered(begin: int, end: int, known: list[tuple[int, int, str, str]]) -> bool:
    for low, high, *_ in known:  # in the order of their addresses
        if low <= begin < high:
            begin = high
    return begin >= end
