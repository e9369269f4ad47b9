import ast
import enum
import gc
import importlib
import importlib.metadata
import importlib.resources
import inspect
import io
import linecache
import sys
import traceback
import types
import typing
import warnings
import weakref

from checks import names_of


class _Node:
    def __init__(self):
        self.me = self


class _Colour(enum.Enum):
    RED = 1


_weak = weakref.WeakSet([_Colour])
_code = compile("1 + 1", "<before>", "eval")
_hash = hash("a string of before")
_interned = sys.intern("an interned string")


def _generator():
    yield 1
    yield 2


_half = _generator()
next(_half)


def recursion_deep():
    def down(number):
        return number if number == 0 else 1 + down(number - 1)

    return down(800)


def recursion_error():
    def down():
        return down()

    try:
        down()
    except RecursionError as error:
        return type(error).__name__


def recursion_in_c():
    value = []
    for _ in range(100_000):
        value = [value]
    try:
        repr(value)
    except RecursionError:
        return "refused"


def recursion_of_the_compiler():
    try:
        ast.parse("(" * 500 + ")" * 500)
    except (MemoryError, SyntaxError, RecursionError) as error:
        return type(error).__name__


def recursion_in_a_thread():
    import threading

    seen = []
    thread = threading.Thread(target=lambda: seen.append(recursion_error()))
    thread.start()
    thread.join()
    return seen


def garbage():
    gc.collect()
    for _ in range(10):
        _Node()
    return [gc.collect(), gc.isenabled(), gc.get_threshold(), gc.garbage]


def garbage_by_itself():
    seen = []
    count = 0
    while not seen and count < 100_000:
        node = _Node()
        weakref.finalize(node, seen.append, 1).atexit = False
        del node
        count += 1
    return bool(seen)


def memory():
    large = bytearray(200 << 20)
    large[-1] = 1
    blocks = [bytes(number) for number in range(5000)]
    return [len(large), sum(map(len, blocks))]


def memory_comes_back():
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    size = int("100") << 20  # nothing that a compiler would keep as a constant
    before = resident()
    large = bytearray(size)
    large[::4096] = bytes(size // 4096)
    during = resident()
    del large
    return [during - before > 90 << 20, resident() - before < 50 << 20]


def memory_error():
    try:
        return len(bytearray(1 << 60))
    except MemoryError:
        return "refused"


def hashes():
    words = " ".join(["a", "string", "of", "before"])
    return [hash(words) == _hash, hash((1, 2)), hash(2**70), hash(1.5), words in {"a string of before"}]


def interning():
    return sys.intern("".join(["an interned ", "string"])) is _interned


def small_objects():
    return [int("7") is 7 + 0, chr(65) is "A", () is tuple([]), str(True) == "True"]


def generator_of_before():
    return [next(_half), _half.gi_frame is not None, _Colour in _weak]


def code_of_before():
    return [eval(_code), eval(compile("sum(range(5))", "<now>", "eval"))]


def exceptions():
    try:
        try:
            {}["x"]
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        kind = type(error.__cause__).__name__
        lines = traceback.format_exception(error)
        return [kind, len(lines), lines[-1], traceback.extract_tb(error.__traceback__)[-1].line]


def exception_groups():
    seen = []
    try:
        raise ExceptionGroup("two", [ValueError(1), TypeError(2)])
    except* ValueError as group:
        seen += [str(each) for each in group.exceptions]
    except* TypeError as group:
        seen += [type(each).__name__ for each in group.exceptions]
    return seen


def warned():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warnings.warn("mind", stacklevel=1)
    return [str(each.message) for each in seen]


def unraisable():
    seen = []
    old, sys.unraisablehook = sys.unraisablehook, lambda unraisable: seen.append(unraisable)

    class Bad:
        def __del__(self):
            raise ValueError("in del")

    Bad()
    sys.unraisablehook = old
    return [str(each.exc_value) for each in seen]


def imports():
    """What was not imported before, from the archive."""
    names = ("wave", "plistlib", "colorsys", "mailbox", "graphlib")
    fresh = [name for name in names if name not in sys.modules]
    for name in names:
        importlib.import_module(name)
    return fresh


def import_again():
    module = types.ModuleType("nothing")
    module.__spec__ = importlib.machinery.ModuleSpec("nothing", None)
    import colorsys

    return importlib.reload(colorsys).rgb_to_hsv(0, 1, 0)


def import_error():
    try:
        import no_such_module  # noqa: F401
    except ModuleNotFoundError as error:
        return str(error)


def layers():
    """A folder that is put on the path now."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "of_a_layer.py"), "w") as file:
            file.write("VALUE = 5\n")
        sys.path.append(folder)
        try:
            import of_a_layer
        finally:
            sys.path.remove(folder)
        return of_a_layer.VALUE


def settings():
    return [sys.path, sys.argv, sys.executable, sys.flags.isolated, sys.getrecursionlimit(),
            sys.dont_write_bytecode, sys.getswitchinterval(), sys.getfilesystemencoding()]


def streams():
    return [[each.encoding, each.errors, each.fileno(), each.name, each.closed, each.line_buffering]
            for each in (sys.stdin, sys.stdout, sys.stderr)]


def standard_input():
    return sys.stdin.read()


def inspection():
    return [str(inspect.signature(garbage)), inspect.getmodule(_Node).__name__,
            typing.get_type_hints(types.SimpleNamespace(__annotations__={"a": "int"}))["a"].__name__]


def sources():
    return [linecache.getline(__file__, 1).strip(), __file__]


def redirected():
    import contextlib

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print("caught")
    return out.getvalue()


NAMES = names_of(globals())
