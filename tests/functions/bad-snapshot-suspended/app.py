import contextvars
import threading
import types

var = contextvars.ContextVar("var")
var.set("at import")
local = threading.local()
local.value = "mine"


def count():
    number = 0
    try:
        while True:
            number += 1
            yield number
    finally:
        number = None


@types.coroutine
def pause():
    return (yield "paused")


async def half():
    await pause()
    return "rest"


def nested(depth):
    if depth:
        yield from nested(depth - 1)
    else:
        yield
        yield "bottom"


numbers = count()
next(numbers)
waiting = half()
waiting.send(None)
deep = nested(200)
next(deep)


def handler(event, context):
    try:
        waiting.send(None)
    except StopIteration as end:
        awaited = end.value
    except RuntimeError:
        awaited = "gone"
    depth, each = 0, deep
    while each.gi_yieldfrom is not None:
        depth, each = depth + 1, each.gi_yieldfrom
    found = {"next": next(numbers), "awaited": awaited, "deep": depth}
    return {**found, "var": var.get(), "local": local.value}
