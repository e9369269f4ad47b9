"""Properties that are computed once."""

from propcache.api import cached_property, under_cached_property

EXPECTED = [7, 7, 1, 9, "_helpers_c"]


class Thing:
    def __init__(self):
        self.calls = 0
        self._cache = {}

    @cached_property
    def value(self):
        self.calls += 1
        return 7

    @under_cached_property
    def other(self):
        return 9


def use():
    thing = Thing()
    engine = under_cached_property.__module__.rpartition(".")[2]
    return [thing.value, thing.value, thing.calls, thing.other, engine]
