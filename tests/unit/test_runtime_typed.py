"""Typed handlers: dataclasses in and out."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import decimal
import enum
import uuid
from typing import Any, Literal, Optional

import pytest

from native_bootstrap import typed
from native_bootstrap.runtime.faults import Fault
from native_bootstrap.runtime.typed_events import build, plain


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Item:
    name: str
    price: float
    count: int = 1


@dataclasses.dataclass(frozen=True)
class Order:
    id: uuid.UUID
    items: list[Item]
    colours: dict[str, Colour] = dataclasses.field(default_factory=dict)
    at: datetime.datetime | None = None
    note: Optional[str] = None  # noqa: UP045 - both spellings
    kind: Literal["new", "old"] = "new"
    pair: tuple[int, str] = (0, "")
    anything: Any = None


EVENT = {
    "id": "00000000-0000-0000-0000-000000000001",
    "items": [{"name": "tea", "price": 2, "count": 3}],
    "colours": {"a": "red"},
    "at": "2026-01-02T03:04:05",
    "pair": [1, "x"],
    "unknown": "is ignored",
}


def test_a_nested_event_is_built():
    seen = []

    @typed
    def handler(order: Order, context):
        seen.append(order)
        return order

    answer = handler(EVENT, None)
    assert seen == [
        Order(
            id=uuid.UUID(int=1),
            items=[Item("tea", 2.0, 3)],
            colours={"a": Colour.RED},
            at=datetime.datetime(2026, 1, 2, 3, 4, 5),
            pair=(1, "x"),
        )
    ]
    assert answer["items"] == [{"name": "tea", "price": 2.0, "count": 3}]
    assert answer["colours"] == {"a": "red"}
    assert answer["at"] == "2026-01-02T03:04:05"
    assert answer["id"] == EVENT["id"]
    assert handler.__name__ == "handler"


def test_the_type_can_be_given():
    handler = typed(lambda item, context: item.price, event=Item)
    assert handler({"name": "tea", "price": 1.5}, None) == 1.5


def test_coroutine_handlers_stay_coroutines():
    @typed
    async def handler(item: Item, context) -> Item:
        await asyncio.sleep(0)
        return dataclasses.replace(item, count=9)

    answer = asyncio.run(handler({"name": "tea", "price": 1}, None))
    assert answer == {"name": "tea", "price": 1.0, "count": 9}


def test_a_handler_without_annotation_is_refused():
    with pytest.raises(TypeError, match="has no annotation"):
        typed(lambda event, context: None)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "event.name is missing"),
        ([], "event should be Item, not list"),
        ({"name": 1, "price": 1}, "event.name should be str, not int"),
        ({"name": "a", "price": "1"}, "event.price should be float, not str"),
        ({"name": "a", "price": 1, "count": True}, "event.count should be int, not bool"),
    ],
)
def test_events_that_do_not_fit(event, message):
    with pytest.raises(Fault, match=f"^Unable to unmarshal input: {message}$") as caught:
        build(Item, event, "event")
    assert caught.value.error_type == "Runtime.UnmarshalError"


@pytest.mark.parametrize(
    ("expected", "value", "built"),
    [
        (list[int], [1, 2], [1, 2]),
        (set[str], ["a", "a"], {"a"}),
        (tuple[int, ...], [1, 2], (1, 2)),
        (int | str, "a", "a"),
        (decimal.Decimal, "1.5", decimal.Decimal("1.5")),
        (datetime.date, "2026-01-02", datetime.date(2026, 1, 2)),
        (bool, True, True),
        (dict, {"a": 1}, {"a": 1}),
        (object, [1], [1]),
    ],
)
def test_plain_types(expected, value, built):
    assert build(expected, value, "event") == built


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (list[int], ["a"]),
        (tuple[int, str], [1]),
        (int | None, "a"),
        (Colour, "blue"),
        (datetime.date, "yesterday"),
        (decimal.Decimal, "x"),
        (Literal["a"], "b"),
        (dict[str, int], [1]),
    ],
)
def test_plain_types_that_do_not_fit(expected, value):
    with pytest.raises(Fault):
        build(expected, value, "event")


def test_dataclasses_anywhere_in_a_response_become_plain():
    assert plain({"a": [Item("tea", 1.0)], "b": (Colour.RED,)}) == {
        "a": [{"name": "tea", "price": 1.0, "count": 1}],
        "b": ["red"],
    }
