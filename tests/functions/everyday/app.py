"""What ordinary programs do, one event each: the answer has to be the interpreter's."""

import asyncio
import collections
import contextvars
import enum
import functools
import logging
import logging.config
import multiprocessing
import os
import pickle
import sys
import typing
import warnings

Point = collections.namedtuple("Point", "x y")
Colour = enum.Enum("Colour", "red blue")
UserId = typing.NewType("UserId", int)
Item = typing.TypeVar("Item")
request = contextvars.ContextVar("request", default="none")


def use_names(event):
    again = pickle.loads(pickle.dumps([Point(1, 2), Colour.blue]))
    return {
        "modules": [each.__module__ for each in (Point, Colour, UserId)],
        "pickled": [again == [Point(1, 2), Colour.blue], type(again[0]) is Point],
    }


def use_states(event):
    import inspect

    def generator():
        yield 1

    async def coroutine():
        pass

    running, waiting = generator(), coroutine()
    states = [inspect.getgeneratorstate(running), inspect.getcoroutinestate(waiting)]
    next(running)
    states.append(inspect.getgeneratorstate(running))
    waiting.close()
    running.close()
    made = inspect.getmodule(typing.TypeVar("Late"))
    return [*states, made.__name__, inspect.signature(wrapped).parameters["b"].default]


def traced(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


@traced
def wrapped(a, b=2):
    return a + b


def use_init(event):
    from shop.prices import NAME, module

    return [NAME, module]


def use_namespace(event):
    import parts.here.one
    import parts.there

    return [parts.here.one.VALUE, parts.there.VALUE, type(parts.__path__).__name__]


def use_plugins(event):
    import plugs

    return plugs.names()


def use_warning(event):
    warnings.warn("mind the gap", stacklevel=1)  # this very line


async def use_async(event):
    async def one(number):
        request.set(str(number))
        await asyncio.sleep(0.01 / (number + 1))
        return number, request.get()

    request.set("outer")
    together = await asyncio.gather(*(one(number) for number in range(3)))
    thread = await asyncio.to_thread(lambda: (request.get(), sum(range(10))))
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)
    except TimeoutError:
        return [together, thread, request.get()]


class Words(logging.Filter):
    def filter(self, record):
        return "secret" not in record.getMessage()


def use_logging(event):
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"words": {"()": "app.Words"}},
            "formatters": {"line": {"format": "%(name)s %(funcName)s %(lineno)d %(message)s"}},
            "handlers": {
                "out": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "line",
                    "filters": ["words"],
                }
            },
            "loggers": {"shop": {"handlers": ["out"], "level": "INFO", "propagate": False}},
        }
    )
    log = logging.getLogger("shop")
    log.info("a secret")
    log.info("open")
    try:
        {}["lost"]
    except KeyError:
        log.exception("closed")


def square(number):
    return number * number


def use_processes(event):
    answers = {}
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        with context.Pool(1) as pool:
            answers[method] = pool.map(square, [2, 3])
    return answers


def use_python(event):
    import subprocess

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, check=False
        )
        return [done.returncode, done.stdout, done.stderr]

    return [
        run("-B", "-X", "utf8", "-c", "import sys, shop; print(sys.argv, shop.NAME)", "a", "-b"),
        run("-m", "shop.tool", "x"),
        run("-c", "import sys; sys.exit('why')"),
        run("-i"),
    ]


def handler(event, context):
    return globals()[f"use_{event['use']}"](event)
