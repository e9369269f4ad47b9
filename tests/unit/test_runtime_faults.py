"""Error shapes, handler names, and what stack traces show."""

from __future__ import annotations

import re

import pytest

from native_bootstrap.runtime import faults, handler, loop

HEADER = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


def caught(function):
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_keys_are_in_wire_order():
    result = faults.error_result("m", "T", None, "id")
    assert list(result.items()) == [
        ("errorMessage", "m"),
        ("errorType", "T"),
        ("requestId", "id"),
        ("stackTrace", []),
    ]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("ValueError", "Function.ValueError"),
        ("My_Error2", "Function.MyError"),
        ("lower", "Function.Lower"),
        ("X", "Function.Error"),
        ("Größe", "Function.Gre"),
        ("_", "Function.Error"),
        ("Runtime.MarshalError", "Runtime.MarshalError"),
    ],
)
def test_error_type_headers_are_valid(name, header):
    assert faults.error_type_header(name) == header
    assert HEADER.fullmatch(header)


def test_source_lines_are_in_the_trace():
    def fails():
        raise LookupError("here")

    result, cause = faults.describe(caught(fails), "id")
    assert result["stackTrace"][-1].endswith(' in fails\n    raise LookupError("here")\n')
    assert cause["exceptions"][0]["stack"][-1]["label"] == "fails"
    assert cause["paths"] == [__file__]


def test_runtime_frames_are_removed():
    error = caught(lambda: handler.resolve("no_such_module_anywhere.handler").__cause__)
    assert isinstance(error, faults.Fault)
    names = [frame[2] for frame in faults.user_frames(error.__traceback__)]
    assert names == ["caught", "<lambda>"]


def test_repeated_frames_are_collapsed():
    def again(n):
        if n:
            again(n - 1)
        raise ValueError

    trace = faults.describe(caught(lambda: again(10)))[0]["stackTrace"]
    assert any("Previous line repeated 7 more times" in element for element in trace)


def test_an_exception_without_text_is_described():
    class Silent(Exception):
        def __str__(self):
            raise ValueError("no")

    assert faults.message_of(Silent()) == "<exception Silent whose str() failed>"


@pytest.mark.parametrize(
    ("name", "error_type", "message"),
    [
        (
            "nodot",
            "Runtime.MalformedHandlerName",
            "Bad handler 'nodot': not enough values to unpack (expected 2, got 1)",
        ),
        (
            "sys.exit",
            "Runtime.BuiltInModuleConflict",
            "Cannot use built-in module sys as a handler module",
        ),
        (
            "gone/mod.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'gone/mod': No module named 'gone'",
        ),
        (
            "json.nothing",
            "Runtime.HandlerNotFound",
            "Handler 'nothing' missing on module 'json'",
        ),
    ],
)
def test_names_that_cannot_be_resolved(name, error_type, message):
    with pytest.raises(faults.Fault) as caught_fault:
        handler.resolve(name)
    assert (caught_fault.value.error_type, caught_fault.value.message) == (error_type, message)


def test_a_syntax_error_shows_its_line(tmp_path, monkeypatch):
    (tmp_path / "bad_syntax_here.py").write_text("def a()\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(faults.Fault) as caught_fault:
        handler.resolve("bad_syntax_here.handler")
    assert caught_fault.value.error_type == "Runtime.UserCodeSyntaxError"
    path = tmp_path / "bad_syntax_here.py"
    assert caught_fault.value.trace == [f'  File "{path}" Line 1\n    def a()\n']


def test_handlers_in_packages_are_found(tmp_path, monkeypatch):
    (tmp_path / "shop_package").mkdir()
    (tmp_path / "shop_package" / "orders.py").write_text("def handler(e, c):\n    return 'found'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("shop_package.orders.handler", "shop_package/orders.handler"):
        assert handler.resolve(name)(None, None) == "found"


@pytest.mark.parametrize(
    ("arguments", "named", "chosen"),
    [
        (["a.b"], "c.d", "a.b"),
        ([""], "c.d", ""),
        ([], "c.d", "c.d"),
        ([], "bootstrap", "built.in"),
        ([], "", "built.in"),
        ([], None, "built.in"),
    ],
)
def test_the_handler_is_chosen(monkeypatch, arguments, named, chosen):
    if named is None:
        monkeypatch.delenv("_HANDLER", raising=False)
    else:
        monkeypatch.setenv("_HANDLER", named)
    assert loop.choose_handler(arguments, "built.in", "bootstrap") == chosen


def test_no_handler_at_all(monkeypatch, capsys):
    monkeypatch.delenv("_HANDLER", raising=False)
    with pytest.raises(SystemExit) as ended:
        raise AssertionError(loop.choose_handler([]))
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("native-bootstrap: no handler: set _HANDLER")
