"""One error of every kind."""


class MyError(Exception):
    pass


class Custom_Error2(Exception):  # noqa: N801, N818 - the name is the case
    pass


class BadText(Exception):  # noqa: N818
    def __str__(self):
        raise RuntimeError("no text")


class lower(Exception):  # noqa: N801, N818
    pass


def boom():
    raise MyError("boom")


def nested():
    def inner():
        boom()

    inner()


def from_library():
    import json

    json.loads("{")


def chained():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise MyError("outer") from error


def during():
    try:
        {}["missing"]
    except KeyError:
        raise MyError("during") from None


def multi_line_expression():
    return (
        "a"
        + str(
            1 / 0,
        )
    )  # fmt: skip


def recursion(n=0):
    return recursion(n + 1)


def repeated(n):
    if n == 0:
        raise MyError("bottom")
    return repeated(n - 1)


def in_lambda():
    return (lambda: 1 / 0)()


def in_comprehension():
    return [1 / x for x in (1, 0)]


def in_generator():
    def numbers():
        yield 1
        raise MyError("generator")

    return list(numbers())


def in_class_body():
    class Broken:
        value = 1 / 0

    return Broken


def in_property():
    class Thing:
        @property
        def value(self):
            raise MyError("property")

    return Thing().value


def in_decorated():
    def decorate(function):
        def wrapper(*args):
            return function(*args)

        return wrapper

    @decorate
    def target():
        raise MyError("decorated")

    target()


def from_exec():
    exec(compile("def f():\n    1/0\nf()", "<generated>", "exec"), {})


def group():
    raise ExceptionGroup("several", [ValueError("a"), MyError("b")])


def noted():
    error = MyError("noted")
    error.add_note("a note")
    raise error


def in_thread():
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(boom).result()


def raise_(error):
    raise error


HOW = {
    "simple": boom,
    "nested": nested,
    "builtin": lambda: 1 / 0,
    "library": from_library,
    "chained": chained,
    "during": during,
    "multi-line": multi_line_expression,
    "recursion": recursion,
    "repeated": lambda: repeated(12),
    "lambda": in_lambda,
    "comprehension": in_comprehension,
    "generator": in_generator,
    "class-body": in_class_body,
    "property": in_property,
    "decorated": in_decorated,
    "exec": from_exec,
    "group": group,
    "noted": noted,
    "thread": in_thread,
    "no-message": lambda: raise_(MyError()),
    "two-arguments": lambda: raise_(MyError("a", 2)),
    "key-error": lambda: {}["missing"],
    "multi-line-message": lambda: raise_(MyError("line 1\nline 2\n  indented")),
    "non-ascii": lambda: raise_(MyError("é 漢字 \U0001f600")),
    "quotes": lambda: raise_(MyError('"quoted" \\ \t \x01')),
    "surrogate": lambda: raise_(MyError("\ud800")),
    "odd-name": lambda: raise_(Custom_Error2("x")),
    "lower-name": lambda: raise_(lower("x")),
    "os-error": lambda: open("/nonexistent/file"),
    "unicode-error": lambda: b"\xff".decode(),
    "import-error": lambda: __import__("no_such_module"),
    "attribute": lambda: "text".no_such_method(),
    "stop-iteration": lambda: next(iter(())),
    "assertion": lambda: raise_(AssertionError("asserted")),
    "syntax": lambda: compile("def", "<text>", "exec"),
    "timeout": lambda: raise_(TimeoutError("late")),
    "huge-message": lambda: raise_(MyError("x" * 1_100_000)),
    "bad-text": lambda: raise_(BadText()),
}


def handler(event, context):
    return HOW[event["how"]]()
