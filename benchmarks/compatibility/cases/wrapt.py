"""Decorators and object proxies."""

import wrapt

EXPECTED = [42, "add", "(a, b)", [1, 2], "_wrappers"]


@wrapt.decorator
def doubled(wrapped, instance, args, kwargs):
    return 2 * wrapped(*args, **kwargs)


@doubled
def add(a, b):
    return a + b


def use():
    import inspect

    proxy = wrapt.ObjectProxy([1])
    proxy.append(2)
    engine = wrapt.FunctionWrapper.__bases__[0].__module__.rpartition(".")[2]
    return [add(20, 1), add.__name__, str(inspect.signature(add)), list(proxy), engine]
