"""Small programs that each lean on one part of the interpreter, for ``throughput.py``.

``python kernels.py NAME`` runs one kernel a few times and prints the best time of one run in
seconds. Every kernel returns a value that is checked, so that no interpreter can skip the work.
"""

from __future__ import annotations

import collections
import decimal
import hashlib
import json
import random
import re
import sys
import time
import zlib

REPEATS = 7
MEGABYTE = 1 << 20
RECORDS = [
    {"id": i, "name": f"user-{i}", "tags": ["a", "b", str(i)], "score": i / 7, "ok": i % 2 == 0}
    for i in range(1500)
]
RECORDS_JSON = json.dumps(RECORDS)
TEXT = " ".join(f"word{i % 977} value={i} mail{i}@example.com" for i in range(12000))
BYTES = (b"All work and no play makes Jack a dull boy. " * 6000)[: 256 << 10]


def nbody() -> object:
    bodies = [[i * 1.1, i * 0.7 + 1, i * 0.3, 0.01 * i, 0.02, 0.0, 1.0 + i] for i in range(5)]
    for _ in range(2500):
        for a in range(5):
            one = bodies[a]
            for b in range(a + 1, 5):
                two = bodies[b]
                dx, dy, dz = one[0] - two[0], one[1] - two[1], one[2] - two[2]
                force = 0.001 / ((dx * dx + dy * dy + dz * dz) ** 1.5 + 0.1)
                one[3] -= dx * two[6] * force
                two[3] += dx * one[6] * force
        for body in bodies:
            body[0] += 0.001 * body[3]
    return len(bodies)


def int_loop() -> object:
    total = 0
    for i in range(400_000):
        total += i & 7
    return total


def calls() -> object:
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    return fib(22)


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def moved(self, by: int) -> Point:
        return Point(self.x + by, self.y - by)


def objects() -> object:
    point = Point(0, 0)
    for i in range(80_000):
        point = point.moved(i)
    return point.x


def allocation() -> object:
    return len([[i, (i, i + 1), {"k": i}] for i in range(60_000)])


def dict_counting() -> object:
    counts: dict[str, int] = {}
    for word in TEXT.split():
        counts[word] = counts.get(word, 0) + 1
    return len(counts)


def dict_group() -> object:
    groups = collections.defaultdict(list)
    for i in range(120_000):
        groups[i % 1013].append(i)
    return sum(map(len, groups.values()))


def set_ops() -> object:
    odd, threes = set(range(1, 90_000, 2)), set(range(0, 90_000, 3))
    return len(odd & threes) + len(odd | threes) + len(odd - threes)


def generators() -> object:
    return sum(x * 2 for x in (y + 1 for y in range(150_000)) if x % 3)


def exceptions() -> object:
    caught = 0
    for i in range(60_000):
        try:
            if i % 2:
                raise KeyError(i)
        except KeyError:
            caught += 1
    return caught


def json_loads() -> object:
    return len(json.loads(RECORDS_JSON))


def json_dumps() -> object:
    return len(json.dumps(RECORDS))


def regex_find() -> object:
    return len(re.findall(r"[\w.]+@[\w.]+", TEXT))


def regex_sub() -> object:
    return len(re.sub(r"value=(\d+)", r"<\1>", TEXT))


def str_find() -> object:
    return sum(TEXT.find(f"value={i}") > 0 for i in range(0, 12000, 60))


def str_compare() -> object:
    one, two = "x" * MEGABYTE, "".join(["x"] * MEGABYTE)
    return sum(one == two for _ in range(60))


def str_split_join() -> object:
    return len(",".join(TEXT.split(" ")))


def str_encode() -> object:
    text = "plain ascii text " * 60_000
    return sum(len(text.encode()) for _ in range(20)) + len(TEXT.encode().decode())


def str_format() -> object:
    return sum(len(f"{i:>8}|{i / 3:.3f}|{'abc'!r}") for i in range(60_000))


def bytes_scan() -> object:
    return sum(BYTES.count(b"Jack") + BYTES.find(b"\x00") for _ in range(20))


def sorting() -> object:
    values = random.Random(7).sample(range(200_000), 60_000)
    return sorted(values)[0] + sorted(map(str, values), reverse=True)[0].count("9")


def sha256() -> object:
    return hashlib.sha256(BYTES * 16).hexdigest()


def md5_small() -> object:
    return sum(hashlib.md5(b"%d" % i, usedforsecurity=False).digest()[0] for i in range(20_000))


def zlib_round() -> object:
    return len(zlib.decompress(zlib.compress(BYTES, 6)))


def decimals() -> object:
    with decimal.localcontext(prec=50):
        total = decimal.Decimal(0)
        for i in range(1, 12_000):
            total += decimal.Decimal(1) / i
        return str(total)[:10]


def big_ints() -> object:
    value = 3**4000
    for _ in range(30):
        value = value * value % (10**2400 + 7)
    return len(str(value)) + pow(3, 10**300, 10**301 + 9) % 7


KERNELS = {
    function.__name__: function
    for function in (
        nbody, int_loop, calls, objects, allocation, dict_counting, dict_group, set_ops,
        generators, exceptions, json_loads, json_dumps, regex_find, regex_sub, str_find,
        str_compare, str_split_join, str_encode, str_format, bytes_scan, sorting, sha256,
        md5_small, zlib_round, decimals, big_ints,
    )
}  # fmt: skip


def main() -> None:
    function = KERNELS[sys.argv[1]]
    expected = function()
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
        if result != expected:
            raise SystemExit(f"{sys.argv[1]}: {result!r} is not {expected!r}")
    print(best)


if __name__ == "__main__":
    main()
