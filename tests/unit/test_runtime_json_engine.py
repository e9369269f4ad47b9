"""orjson behind `_nb_json`: whatever it is given, the result is the standard library's."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import gc
import importlib.machinery
import importlib.util
import json
import math
import subprocess
import sys
import sysconfig
import threading
import types
import uuid
import weakref
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native_bootstrap.runtime import json_codec, json_engine, json_private
from native_bootstrap.runtime.faults import Fault
from native_bootstrap.runtime.serializer import JsonSerializer

ROOT = Path(__file__).parents[2]
CORE = ROOT / "native_bootstrap" / "core"

# Everything that a handler could return, and more than JSON can hold.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text()
    | st.text(st.characters())  # lone surrogates, too
    | st.binary(max_size=4)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.datetimes()
    | st.dates()
    | st.sampled_from([object(), {1}, 1j, ..., len])
)
KEYS = st.text() | st.integers() | st.booleans() | st.none() | st.floats() | st.binary(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner),
    max_leaves=20,
)
# Numbers as other JSON writers may write them: long, with exponents, at the limits of 64 bits.
NUMBERS = st.one_of(
    st.integers().map(str),
    st.integers(-(2**63) - 3, -(2**63) + 3).map(str),
    st.integers(2**63 - 3, 2**63 + 3).map(str),
    st.integers(2**64 - 3, 2**64 + 3).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
STRINGS = st.one_of(
    st.text().map(json.dumps),
    st.from_regex(r'"[0-9,:\[\] -]{0,50}"', fullmatch=True),
    st.sampled_from(['"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\x7f"', '""']),
)
SPACE = st.sampled_from(["", " ", "\n", "\t", "\r", "  "])
DOCUMENTS = st.recursive(
    NUMBERS | STRINGS | st.sampled_from(["null", "true", "false", "NaN", "-Infinity"]),
    lambda inner: (
        st.tuples(SPACE, st.lists(inner), SPACE).map(lambda t: f"[{t[0]}{','.join(t[1])}{t[2]}]")
        | st.lists(st.tuples(STRINGS, SPACE, inner)).map(
            lambda rows: "{" + ",".join(f"{k}:{s}{v}" for k, s, v in rows) + "}"
        )
    ),
    max_leaves=12,
)
Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 - what handlers return


class Colour(str, enum.Enum):
    RED = "red"


class Plain(enum.Enum):
    ONE = 1


class Text(str):
    pass


class Whole(int):
    def __repr__(self):
        return "custom"


class Record(dict):
    def _asdict(self):
        return {"as": "dict"}


class Items(list):
    pass


@dataclasses.dataclass
class Data:
    x: int = 1


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """`_nb_json` as an extension module of the Python that runs this."""
    include = Path(sysconfig.get_paths()["include"])
    if not (include / "Python.h").is_file():
        pytest.skip("this Python has no headers")
    file = tmp_path_factory.mktemp("json") / f"_nb_json{sysconfig.get_config_var('EXT_SUFFIX')}"
    command = [sys.executable, "-m", "ziglang", "cc", "-O1", "-shared", "-fPIC", "-std=gnu11"]
    sources = [CORE / "nb_json.c", CORE / "nb_jsonmodule.c"]
    subprocess.run([*command, f"-I{include}", f"-I{CORE}", *sources, "-o", file], check=True)
    loader = importlib.machinery.ExtensionFileLoader("_nb_json", str(file))
    spec = importlib.util.spec_from_file_location("_nb_json", file, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Counting:
    """orjson; counts what it was given."""

    def __init__(self):
        self.calls = 0

    def loads(self, body):
        self.calls += 1
        return orjson.loads(body)

    def dumps(self, value):
        self.calls += 1
        return orjson.dumps(value)


@pytest.fixture(scope="module")
def engine(compiled):
    """The codec works with orjson while this is in use."""
    counting = Counting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "_nb_json", compiled)
        for name in ("checked", "module", "loads", "dumps"):
            patch.setattr(json_engine, name, None)
        json_engine.use(counting)
        yield counting


def outcome(function, *arguments):
    """What it returns or raises, so that two can be compared: NaN is NaN, 1 is not True."""
    try:
        return repr(function(*arguments))
    except Exception as error:
        return type(error), str(error)


def standard(function, *arguments):
    """The same without orjson."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_engine, "checked", None)
        return outcome(function, *arguments)


def meaning(value):
    """A body, read so that nothing gets lost: numbers as they are written but for their form."""
    body = json_codec.write(value)
    return json.loads(body, parse_float=decimal.Decimal, object_pairs_hook=lambda pairs: pairs)


@settings(deadline=None)  # machines may be busy
@given(VALUES)
def test_responses_mean_the_same(engine, value):
    assert outcome(meaning, value) == standard(meaning, value)


@settings(deadline=None)  # machines may be busy
@given(DOCUMENTS, st.sampled_from(["", " ", "\ufeff", ","]))
def test_events_mean_the_same(engine, text, around):
    body = (around + text + around).encode("utf-8", "surrogatepass")
    assert outcome(json_codec.decode, body) == standard(json_codec.decode, body)


@settings(deadline=None)  # machines may be busy
@given(st.binary(max_size=30) | st.text('{}[]",:\\ \n0123456789.-+eEntrufalsé').map(str.encode))
def test_broken_events_are_told_in_the_same_words(engine, body):
    assert outcome(json_codec.decode, body) == standard(json_codec.decode, body)


@settings(deadline=None)  # machines may be busy
@given(NUMBERS)
def test_a_number_is_the_same_number(engine, text):
    for body in (text, f"[{text}]", f'{{"a":{text} }}', f"[0, {text}\n]"):
        found = json_codec.decode(body.encode())
        assert repr(found) == repr(json.loads(body))


@pytest.mark.parametrize("length", range(17, 23))
@pytest.mark.parametrize("digit", "0123456789")
@pytest.mark.parametrize("before", ["", "[", "[ ", "-", "[-", "[1,", '{"a":', "[\n", "[\t", "1."])
def test_no_integer_is_rounded(engine, length, digit, before):
    number = digit + "9" * (length - 1) if digit != "0" else "1" + "0" * (length - 1)
    for padding in range(20):
        text = " " * padding + before + number + {"[": "]", "{": "}"}.get(before[:1], "")
        assert repr(json_codec.decode(text.encode())) == repr(json.loads(text)), text


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "12345678901234567890123456789"}',
        b"[1700000000000000000, 18446744073709551615, -9223372036854775808]",
        b"[0.12345678901234567890123, 123456789012345678901234.5, 1e0000000000000000000005]",
    ],
    ids=["string", "64 bits", "floats"],
)
def test_long_digits_that_do_no_harm_stay_with_orjson(engine, body):
    before = engine.calls
    assert repr(json_codec.decode(body)) == repr(json.loads(body))
    assert engine.calls == before + 1


@pytest.mark.parametrize(
    "body",
    [b"18446744073709551616", b"[-9223372036854775809]", b'{"a": 99999999999999999999}'],
)
def test_integers_beyond_64_bits_never_reach_orjson(engine, body):
    before = engine.calls
    assert json_codec.decode(body) == json.loads(body)
    assert engine.calls == before


@pytest.mark.parametrize(
    "value",
    [
        math.nan, [math.inf], {"a": -math.inf}, b"x", [b"x"], {b"k": 1}, {1: 2}, {None: 1},
        {1.5: 1}, {True: 1}, Colour.RED, [Plain.ONE], {Colour.RED: 1}, Text("a"), {Text("k"): 1},
        Whole(7), [Whole(7)], Record(a=1), Items([1]), Point(1, 2), Data(), uuid.UUID(int=1),
        datetime.datetime(2026, 1, 2), datetime.date(2026, 1, 2), datetime.time(1),
        decimal.Decimal("1.10"), {1}, frozenset(), 1j, ..., bytearray(b"x"), memoryview(b"x"),
        collections.OrderedDict(a=1), collections.deque(), range(2), types.MappingProxyType({}),
        compile("1", "x", "eval"), orjson.Fragment(b"1"), StopIteration,
    ],
    ids=repr,
)  # fmt: skip
def test_what_orjson_would_write_otherwise_never_reaches_it(engine, value):
    for wrapped in (value, [value], {"a": (0, value)}):
        before = engine.calls
        assert outcome(meaning, wrapped) == standard(meaning, wrapped)
        assert engine.calls == before


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1, 2**64 - 1, -(2**63), 0.5, -0.0, 5e-324, "é\u2028\x7f\x00", "", [], {}, ()],
    ids=repr,
)
def test_plain_values_are_written_by_orjson(engine, value):
    for wrapped in (value, [value], {"a": (0, value)}):
        before = engine.calls
        assert outcome(meaning, wrapped) == standard(meaning, wrapped)
        assert engine.calls == before + 1


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800", {"\udfff": 1}], ids=repr)
def test_what_orjson_refuses_is_written_the_standard_way(engine, value):
    for wrapped in (value, [value], {"a": (0, value)}):
        assert outcome(meaning, wrapped) == standard(meaning, wrapped)


def depth_of(value):
    depth = 0
    while value:
        value, depth = value["a"] if isinstance(value, dict) else value[0], depth + 1
    return depth


@pytest.mark.parametrize("depth", [252, 253, 254, 255, 256, 500, 900])
def test_nested_responses(engine, depth):
    value: object = 0
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    assert depth_of(json.loads(json_codec.write(value))) == depth


@pytest.mark.parametrize("depth", [900, 1023, 1024, 1025, 5000])
def test_nested_events(engine, depth):
    """How deep is up to the interpreter; where it gives up, orjson has done so before."""
    body = b'[{"a":' * (depth // 2) + b"[" * (depth % 2) + b"0" + b"]" * (depth % 2)
    body += b"}]" * (depth // 2)

    def read():
        try:
            return depth_of(json_codec.decode(body))
        except RecursionError:
            return "too deep"

    assert outcome(read) == standard(read) or (outcome(read) == str(depth) and depth <= 1024)


def test_circles_are_refused(engine):
    items: list[object] = []
    items.append({"again": (items,)})
    with pytest.raises(ValueError, match="Circular reference detected"):
        json_codec.write(items)


def test_the_last_of_equal_names_wins_in_the_place_of_the_first(engine):
    assert list(json_codec.decode(b'{"a": 1, "b": 2, "a": 3}').items()) == [("a", 3), ("b", 2)]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{1}], "Object of type set is not JSON serializable"),
        ({(1,): 1}, "keys must be str, int, float, bool or None, not tuple"),
        ("\ud800", "'utf-8' codec can't encode character '\\ud800' in position 1: "
         "surrogates not allowed"),
    ],
)  # fmt: skip
def test_errors_are_the_reference_clients(engine, value, message):
    with pytest.raises(Fault) as caught:
        JsonSerializer().dumps(value)
    assert str(caught.value) == f"Unable to marshal response: {message}"
    error = caught.value
    while error is not None:
        assert "plain JSON" not in str(error), "no trace of the attempt"
        error = error.__context__


def test_nothing_comes_between_check_and_work(compiled):
    """A thread that swaps a value for one that orjson would write otherwise is never in between."""
    shared = {"a": list(range(200)), "b": 0}
    over = threading.Event()

    def spoil():
        while not over.is_set():
            shared["b"] = math.nan
            shared["b"] = 0

    def attempt():
        try:
            return b"null" not in compiled.dumps(shared, orjson.dumps)
        except TypeError:
            return None

    thread = threading.Thread(target=spoil)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        found = {attempt() for _ in range(20_000)}
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert found - {None} == {True}


@pytest.mark.parametrize("arguments", [(), (b"1",), (b"1", orjson.loads, 1)], ids=len)
def test_arguments(compiled, arguments):
    for function in (compiled.loads, compiled.dumps):
        with pytest.raises(TypeError, match="takes 2 arguments"):
            function(*arguments)


def test_only_bytes_are_read(compiled):
    for body in (bytearray(b"1"), "1", None):
        with pytest.raises(ValueError, match="no bytes"):
            compiled.loads(body, orjson.loads)


def test_other_errors_pass(compiled):
    def fail(_):
        raise MemoryError

    with pytest.raises(MemoryError):
        compiled.loads(b"1", fail)
    with pytest.raises(MemoryError):
        compiled.dumps([1], fail)


# ---- when it is loaded ----


@pytest.fixture
def idle(compiled, monkeypatch):
    """A process that has an engine, and has not loaded it yet; returns what was loaded."""
    monkeypatch.setitem(sys.modules, "_nb_json", compiled)
    for name in ("checked", "module", "loads", "dumps"):
        monkeypatch.setattr(json_engine, name, None)
    monkeypatch.setattr(json_engine, "_left", json_engine._PRIVATE_COST)
    monkeypatch.setattr(json_engine, "_name", lambda: "lib/orjson.so")
    loaded = []

    def load(path):
        loaded.append(path)
        return orjson

    monkeypatch.setattr(json_engine, "_load_private", load)
    return loaded


def test_it_is_loaded_when_that_has_paid(idle):
    body = json_codec.write(["x" * 1000])
    for _ in range(64):
        assert json_codec.decode(body) == ["x" * 1000]
    assert idle == []
    assert json_codec.decode(body) == ["x" * 1000]
    assert idle == ["lib/orjson.so"]
    assert json_engine.loads is orjson.loads


def test_a_large_event_is_read_by_it_at_once(idle):
    body = json.dumps([0] * 100_000).encode()
    assert json_codec.decode(body) == [0] * 100_000
    assert idle == ["lib/orjson.so"]


def test_responses_count_too(idle):
    for _ in range(2):
        json_codec.write(["x" * 40_000])
    assert idle == ["lib/orjson.so"]


def test_an_image_has_it_from_the_start(idle):
    json_engine.prepare()
    assert idle == ["lib/orjson.so"]


def test_the_projects_own_is_not_imported_ahead_of_the_project(idle, monkeypatch):
    monkeypatch.setattr(json_engine, "_name", lambda: "orjson")
    monkeypatch.delitem(sys.modules, "orjson")
    json_engine.prepare()
    assert json_engine.loads is None
    monkeypatch.setitem(sys.modules, "orjson", orjson)
    json_engine.prepare()
    assert json_engine.loads is orjson.loads
    assert idle == []


def test_the_module_is_kept(idle, monkeypatch):
    """orjson's functions refer to its exceptions without owning them."""
    module = types.ModuleType("copy")
    module.loads, module.dumps = orjson.loads, orjson.dumps
    gone = weakref.ref(module)
    monkeypatch.setattr(json_engine, "_load_private", lambda path, one=[module]: one.pop())
    json_engine.load()
    del module
    gc.collect()
    assert gone() is not None


def test_a_failure_is_told_once_and_the_standard_library_works(idle, monkeypatch, capsys):
    def fail(path):
        raise ImportError(f"no {path}")

    monkeypatch.setattr(json_engine, "_load_private", fail)
    body = json.dumps(["x" * 100_000]).encode()
    for _ in range(3):
        assert json_codec.decode(body) == ["x" * 100_000]
    assert capsys.readouterr().err == (
        "native-bootstrap: orjson cannot be loaded (no lib/orjson.so); events and responses are "
        "read and written by the standard library\n"
    )


def test_without_an_engine_nothing_is_loaded(idle, monkeypatch):
    monkeypatch.setattr(json_engine, "_name", lambda: "")
    json_engine.load()
    assert json_engine.loads is None
    assert json_engine._left == math.inf


PRIVATE = """
import sys
before = set(sys.modules)
from native_bootstrap.runtime import json_private
module = json_private.load(sys.argv[1])
extra = {n for n in set(sys.modules) - before if not n.startswith("native_bootstrap")}
assert extra <= {"_datetime", "__future__"}, extra
assert not any("orjson" in n for n in sys.modules)
assert module.loads(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
assert module.dumps({"a": (1, 2.5, None)}) == b'{"a":[1,2.5,null]}'
for body in (b"{", b"", b'"\\xff"'):
    try:
        module.loads(body)
    except ValueError:
        pass
    else:
        raise AssertionError(body)
for value in ({1: 1}, 2**70, "\\ud800", object()):
    try:
        module.dumps(value)
    except TypeError:
        pass
    else:
        raise AssertionError(value)
import dataclasses, datetime, enum, json, uuid, zoneinfo
assert json.loads("1") == 1 and uuid.UUID(int=1).int == 1 and enum.Enum("E", "A").A.value == 1
assert dataclasses.make_dataclass("D", ["x"])(1).x == 1
assert datetime.datetime(2026, 1, 2).year == 2026 and zoneinfo.ZoneInfo
"""


@pytest.mark.subprocesses
def test_the_private_copy_imports_nothing_and_leaves_nothing():
    (file,) = Path(orjson.__file__).parent.glob("orjson*.so")
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", PRIVATE, file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_stand_ins_while_another_thread_runs(monkeypatch):
    """It could import one of them."""
    assert json_private._is_alone()
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert not json_private._is_alone()
    finally:
        over.set()
        thread.join()


def test_a_file_that_is_no_module_is_an_import_error(tmp_path):
    (tmp_path / "orjson.so").write_bytes(b"no ELF")
    before = dict(sys.modules)
    with pytest.raises(ImportError):
        json_private.load(str(tmp_path / "orjson.so"))
    assert dict(sys.modules) == before
