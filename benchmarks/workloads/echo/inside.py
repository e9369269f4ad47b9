"""The runtime's own JSON, timed in the process that uses it."""

import time

from native_bootstrap.runtime import json_codec, json_engine

SECONDS = 1.0
LEAST = 5


def document(size):
    """Orders, as a shop's API could give them: about `size` bytes."""
    orders = []
    found = {"version": "2.0", "orders": orders}
    length = len(json_codec.write(found))
    while length < size:
        number = len(orders)
        orders.append(
            {
                "id": number,
                "name": f"item {number}",
                "price": number * 1.25,
                "tags": ["a", "b", None],
                "active": number % 2 == 0,
                "note": "näme ☃" if number % 10 == 0 else "plain text of some length",
                "place": {"x": number, "y": -number},
            }
        )
        length += len(json_codec.write(orders[-1])) + 1
    return found


def best(function, argument):
    """The least time of a call in µs."""
    found = []
    end = time.perf_counter() + SECONDS
    while len(found) < LEAST or time.perf_counter() < end:
        start = time.perf_counter()
        result = function(argument)
        found.append(time.perf_counter() - start)
        del result  # freeing it is not reading
    return min(found) * 1e6


def measure(size):
    """Least times in µs of reading and writing, with the program's engine."""
    json_engine.load()
    value = document(size)
    body = json_codec.write(value)
    return {
        "bytes": len(body),
        "read": best(json_codec.decode, body),
        "write": best(json_codec.write, value),
    }
