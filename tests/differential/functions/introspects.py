"""What a program can find out about itself; compiled code has to know the same."""

import dataclasses
import functools
import inspect
import pkgutil
import sys
import traceback
import typing
import warnings

import pkg


def sample(first, second: int = 2, *rest, key=None, **more) -> str:
    """Documented."""
    # with a comment
    return f"{first} {second} {rest} {key} {more}"


async def coroutine():
    return 1


def generator():
    yield 1


class Base:
    """A class."""

    def method(self, value: "int"):
        return type(self).__name__, inspect.currentframe().f_code.co_name, value

    @classmethod
    def build(cls):
        return cls.__qualname__

    @property
    def name(self):
        return "name"

    @functools.cached_property
    def cached(self):
        return "cached"


class Child(Base):
    def method(self, value: int):
        return super().method(value)


@dataclasses.dataclass(order=True)
class Record:
    name: str
    tags: list[str] = dataclasses.field(default_factory=list)


def without_carets(text):
    """Compiled code knows no columns."""
    return [line for line in text.splitlines() if not line or set(line) - set(" ~^")]


def caught():
    try:
        Child().method(1 / 0)
    except ZeroDivisionError:
        return without_carets(traceback.format_exc())


def chained_text():
    try:
        try:
            {}["a"]
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError:
        return without_carets(traceback.format_exc())


def from_extract():
    try:
        caught_deeper()
    except ValueError as error:
        frames = traceback.extract_tb(error.__traceback__)
        return [[f.name, f.lineno, f.line] for f in frames]


def caught_deeper():
    raise ValueError(
        "over "
        "lines"
    )  # fmt: skip


def warned():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    return [seen[0].filename.rpartition("/")[2], seen[0].lineno, str(seen[0].message)]


def pickled():
    import pickle

    record = pickle.loads(pickle.dumps(Record("a", ["b"])))
    return [repr(record), pickle.loads(pickle.dumps(sample)) is sample]


def closures():
    def outer(n):
        total = 0

        def inner(x):
            nonlocal total
            total += x * n
            return total

        return inner

    counter = outer(3)
    return [counter(1), counter(2), counter.__closure__[0].cell_contents is not None]


def generators():
    def echo():
        received = []
        try:
            while True:
                received.append((yield len(received)))
        except GeneratorExit:
            received.append("closed")
            raise
        finally:
            seen.extend(received)

    seen = []
    running = echo()
    answers = [next(running), running.send("a"), running.send("b")]
    running.close()
    return [answers, seen, inspect.getgeneratorstate(running)]


def matched(value):
    match value:
        case {"kind": "point", "at": [x, y]}:
            return ["point", x, y]
        case [first, *others]:
            return ["list", first, others]
        case str() as text if text:
            return ["text", text]
        case _:
            return ["other"]


def contexts():
    import contextlib

    seen = []

    @contextlib.contextmanager
    def noted(name):
        seen.append(f"enter {name}")
        try:
            yield name
        except ValueError as error:
            seen.append(f"{name} {error}")
        finally:
            seen.append(f"exit {name}")

    with noted("a") as a, noted("b"):
        raise ValueError(a)
    return seen


WHAT = {
    "source of a function": lambda: inspect.getsource(sample),
    "source of a class": lambda: inspect.getsource(Child),
    "source of a method": lambda: inspect.getsource(Base.method),
    "source of the module": lambda: len(inspect.getsource(sys.modules[__name__]).splitlines()),
    "lines of a function": lambda: inspect.getsourcelines(sample),
    "signature": lambda: str(inspect.signature(sample)),
    "signature of a method": lambda: str(inspect.signature(Child().method)),
    "documentation": lambda: [inspect.getdoc(sample), inspect.getdoc(Base), __doc__],
    "kinds": lambda: [
        inspect.isfunction(sample),
        inspect.ismethod(Child().method),
        inspect.iscoroutinefunction(coroutine),
        inspect.isgeneratorfunction(generator),
        callable(sample),
        inspect.isclass(Child),
    ],
    "names": lambda: [
        sample.__name__,
        sample.__qualname__,
        sample.__module__,
        Child.method.__qualname__,
        Child.__module__,
        Child.build(),
        sample.__defaults__,
        sample.__kwdefaults__,
    ],
    "annotations": lambda: {k: str(v) for k, v in typing.get_type_hints(sample).items()},
    "code": lambda: [
        sample.__code__.co_name,
        sample.__code__.co_argcount,
        sample.__code__.co_firstlineno,
        sample.__code__.co_filename,
        list(sample.__code__.co_varnames[:5]),
    ],
    "module": lambda: [__name__, __file__, __package__, __spec__.name, __spec__.origin],
    "package": lambda: [pkg.__name__, pkg.__file__, list(pkg.__path__), pkg.__package__],
    "modules of the package": lambda: sorted(m.name for m in pkgutil.iter_modules(pkg.__path__)),
    "walk": lambda: sorted(m.name for m in pkgutil.walk_packages(pkg.__path__, "pkg.")),
    "method": lambda: [Child().method(1), Child().name, Child().cached],
    "record": lambda: [repr(Record("a")), Record("a") < Record("b"), Record("a") == Record("a")],
    "format_exc": caught,
    "format_exc chained": chained_text,
    "extract_tb": from_extract,
    "warning": warned,
    "pickle": pickled,
    "closures": closures,
    "generators": generators,
    "match": lambda: [matched(v) for v in ({"kind": "point", "at": [1, 2]}, [1, 2], "t", 5)],
    "context managers": contexts,
    "find_spec": lambda: [
        __import__("importlib.util").util.find_spec(n) is not None for n in ("pkg.mod", "pkg.none")
    ],
    "globals": lambda: sorted(n for n in globals() if n.startswith("__")),
    "locals": lambda: (lambda a, b: sorted(locals()))(1, 2),
    "eval": lambda: [eval("sample(1)"), eval("a + 1", {"a": 1})],
    "exec": lambda: (lambda space: (exec("b = 2 * a", space), space["b"])[1])({"a": 2}),
    "path": lambda: [type(p).__name__ for p in sys.path[:1]],
    "main": lambda: "__main__" in sys.modules,
    "flags": lambda: [sys.flags.optimize, sys.flags.no_user_site in (0, 1), __debug__],
    "recursion limit": lambda: sys.getrecursionlimit(),
}


def handler(event, context):
    return WHAT[event["what"]]()
