"""Persistent maps, lists and sets."""

from rpds import HashTrieMap, HashTrieSet, List

EXPECTED = [{"a": 1}, {"a": 1, "b": 2}, [0, 1, 2], [1, 2, 3]]


def use():
    one = HashTrieMap({"a": 1})
    two = one.insert("b", 2)
    items = List([1, 2]).push_front(0)
    return [dict(one), dict(two), list(items), sorted(HashTrieSet([1, 2]).insert(3))]
