"""Compiles a loop."""

import numba

EXPECTED = [499999500000, 8]


@numba.njit
def total(n):
    found = 0
    for i in range(n):
        found += i
    return found


def use():
    square = numba.vectorize(["int64(int64)"])(lambda x: x * 2)
    return [total(1_000_000), int(square(4))]
