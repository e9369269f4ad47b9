"""Computes when it is looked at."""

from lazy_object_proxy import Proxy

EXPECTED = [0, 42, 1, True]


def use():
    calls = []
    value = Proxy(lambda: calls.append(1) or 21)
    before = len(calls)
    return [before, value * 2, len(calls), isinstance(value, int)]
