"""A settled interpreter goes on: run by test_settle.c, whose module `_settle` does to this process
what a dump does to the one that it writes.

What lives for ever is what nobody can see the end of; everything else is freed, and finalised, as
ever. Memory that was cleared or taken out of circulation is never handed out twice, and a process
that makes and drops things for a long time does not grow.
"""

from __future__ import annotations

import collections
import gc
import os
import random
import sys
import threading
import types
import weakref
from typing import ClassVar

import _settle

SECRET = b"-".join([b"what a token", b"looked like"])
log: list[str] = []


class Owned:
    """Says when it ends."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __del__(self) -> None:
        log.append(self.name)


def make_closure():
    owned = Owned("closure")
    return lambda: owned


def plain(a=1, *, b=("x", frozenset({1.5, None}))):
    """All that it owns are constants."""
    return a in {"two", "three"}, b, 123456789.5


def marked(a=plain.__defaults__, b=object(), c=Owned):  # noqa: B008 - the point
    """With a mark and a class as defaults."""
    return a, b, c


def with_default(owned=Owned("default")):  # noqa: B008 - the point
    return owned


def with_keyword(*, owned=Owned("keyword")):  # noqa: B008 - the point
    return owned


def with_attribute():
    return 1


def awaited():
    return 2


with_attribute.owned = Owned("attribute")
waiting = weakref.ref(awaited, lambda _: log.append("awaited"))
with_closure = make_closure()
Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 - made by exec, as dynamic ones are


class compiled_function:  # the name of Nuitka's type
    def __init__(self) -> None:
        self.owned = Owned("of a name")


class Base:
    """A class with what classes have."""

    __slots__ = ("__weakref__", "value")
    registry: ClassVar[dict[str, type]] = {}

    def __init_subclass__(cls) -> None:
        Base.registry[cls.__name__] = cls

    @property
    def twice(self):
        return self.value * 2

    @staticmethod
    def constant():
        return 10**30

    @classmethod
    def make(cls, value):
        self = cls()
        self.value = value
        return self


imitation = compiled_function()
container = types.ModuleType("container")
container.owned = Owned("module")
listed = types.ModuleType("listed")
sys.modules["listed"] = listed


def value(chosen: random.Random, depth: int = 3):
    """Anything that is told from anything else by its repr."""
    kind = chosen.randrange(9 if depth else 5)
    if kind == 0:
        return chosen.randrange(-(2 ** chosen.randrange(1, 300)), 2**300)
    if kind == 1:
        return "".join(chosen.choices("aä€😀", k=chosen.randrange(40)))
    if kind == 2:
        return chosen.randbytes(chosen.randrange(700))
    if kind == 3:
        return chosen.random()
    if kind == 4:
        return Point(chosen.randrange(9), str(chosen.randrange(99)))
    items = [value(chosen, depth - 1) for _ in range(chosen.randrange(6))]
    if kind == 5:
        return items
    if kind == 6:
        return {f"k{index}": item for index, item in enumerate(items)}
    if kind == 7:
        return tuple(items)
    made = Base.make(items)
    return made.value


class Model:
    """Values and what they must look like: a block that is handed out twice changes one of them."""

    def __init__(self, seed: int) -> None:
        self.chosen = random.Random(seed)
        self.values: dict[int, object] = {}
        self.reprs: dict[int, str] = {}

    def step(self, count: int) -> None:
        for _ in range(count):
            key = self.chosen.randrange(3000)
            if key in self.values:
                assert repr(self.values.pop(key)) == self.reprs.pop(key)
            if self.chosen.random() < 0.55:
                self.values[key] = value(self.chosen)
                self.reprs[key] = repr(self.values[key])

    def check(self) -> None:
        assert all(repr(self.values[key]) == text for key, text in self.reprs.items())


def forever() -> None:
    """What has no reference count any more, and what still has one."""
    lasting = [plain, plain.__code__, plain.__code__.co_consts, Base, Base.make.__func__, Point]
    lasting += [sys, os, listed, Base.__dict__["twice"].fget, "step", len, value, SECRET.__class__]
    lasting += [marked, marked.__defaults__[1], plain.__kwdefaults__["b"], Owned.__del__]
    for item in lasting:
        assert _settle.is_immortal(item), item
    frozen = [item for item in plain.__code__.co_consts if isinstance(item, frozenset)]
    assert frozen
    assert _settle.is_immortal(frozen[0])
    counted = [with_closure, with_default, with_keyword, with_attribute, awaited, imitation]
    counted += [container, log, Base.registry, make_closure(), Point(1, 2), Owned("")]
    for item in counted:
        assert not _settle.is_immortal(item), item
    gc.collect()


def finalised() -> None:
    """What somebody can see the end of, ends."""
    global with_closure, with_default, with_keyword, with_attribute, awaited, imitation, container
    log.clear()
    with_closure = with_default = with_keyword = with_attribute = awaited = None
    imitation = container = None
    gc.collect()
    expected = ["attribute", "awaited", "closure", "default", "keyword", "module", "of a name"]
    assert sorted(log) == expected, log
    assert waiting() is None
    kept = weakref.WeakSet([Base.make(1)])
    assert len(kept) == 0
    looping = [Owned("loop")]
    looping.append(looping)
    del looping
    gc.collect()
    assert log[-1] == "loop"


def dropped() -> None:
    """Modules, classes and functions can go, as far as anybody can see."""
    global plain, marked
    del sys.modules["listed"], plain, marked
    assert "plain" not in globals()

    class Sub(Base):
        pass

    made = [Sub.make(index) for index in range(100)]
    assert sum(item.twice for item in made) == 9900
    Base.extra = property(lambda self: Owned(f"extra {self.value}"))
    assert made[3].extra.name == "extra 3"
    del Base.extra
    gone = weakref.ref(Sub)
    Base.registry.clear()
    del made, Sub
    gc.collect()
    assert gone() is None
    assert Base.__subclasses__() == []
    for name in ("decimal", "json", "sqlite3", "asyncio", "email.message"):
        __import__(name)
    for name in [name for name in sys.modules if name.startswith(("json", "asyncio", "email"))]:
        del sys.modules[name]
    gc.collect()
    assert sys.modules.get("json") is None
    assert __import__("json").loads("[1, {}]") == [1, {}]


def bounded(model: Model) -> None:
    """Rounds of the same kind, the collector in all its ways: the heap stands still."""
    sizes = []
    for turn in range(16):
        model.step(3000)
        cycles = [[index] for index in range(2000)]
        for item in cycles:
            item.append(cycles)
        del cycles, item
        if turn % 3 == 0:
            gc.collect(turn % 2)
        if turn == 5:
            gc.unfreeze()
        if turn == 9:
            gc.freeze()
        gc.collect()
        sizes.append(_settle.used())
    model.check()
    assert max(sizes[11:]) <= sizes[10] + (1 << 20), sizes


def threads() -> None:
    models = [Model(100 + index) for index in range(4)]
    running = [threading.Thread(target=model.step, args=(3000,)) for model in models]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    for model in models:
        model.check()


def children(model: Model) -> None:
    """Forked, and as an interpreter beside this one."""
    child = os.fork()
    if child == 0:
        model.step(2000)
        model.check()
        gc.unfreeze()
        gc.collect()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    import _interpreters

    other = _interpreters.create()
    failed = _interpreters.exec(other, "import json, gc; json.dumps({'a': [1]}); gc.collect()")
    assert failed is None, failed
    _interpreters.destroy(other)


class AtTheEnd:
    """In a module's namespace: cleared by the interpreter's own end."""

    def __init__(self) -> None:
        self.call = _settle.ended

    def __del__(self) -> None:
        self.call()


def main() -> None:
    model = Model(1)
    model.step(30000)
    tokens = [SECRET + str(index).encode() for index in range(500)]
    assert _settle.count(SECRET) > 500
    del tokens[::2]
    gc.collect()
    gc.freeze()
    _settle.settle()
    assert 250 <= _settle.count(SECRET) <= 255, "what was freed is still there"
    model.check()
    forever()
    finalised()
    model.step(5000)
    model.check()
    dropped()
    bounded(model)
    assert len(tokens) == 250
    assert all(token.startswith(SECRET) for token in tokens)
    _settle.settle()  # and once more
    bounded(model)
    threads()
    children(model)
    model.check()


main()
at_the_end = AtTheEnd()
