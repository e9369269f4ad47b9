"""Compressed sets of integers."""

from pyroaring import BitMap

EXPECTED = [[3, 1000000], 5, 100000, True]


def use():
    one, two = BitMap([1, 2, 3, 1000000]), BitMap([3, 4, 1000000])
    many = BitMap(range(100000))
    return [
        list(one & two),
        len(one | two),
        len(many),
        BitMap.deserialize(many.serialize()) == many,
    ]
