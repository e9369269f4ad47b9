"""A list that can be closed."""

from frozenlist import FrozenList

EXPECTED = [[0, 1, 2], "frozen", True]


def use():
    items = FrozenList([1, 2])
    items.insert(0, 0)
    items.freeze()
    try:
        items.append(3)
    except RuntimeError:
        return [list(items), "frozen", hash(items) == hash((0, 1, 2))]
