"""`_nb_json`: what it lets through to orjson's functions, here played by the standard library."""

import json
import math
import unittest

import _nb_json


class Text(str):
    pass


class TestJson(unittest.TestCase):
    def refuses(self, function, error, value):
        with self.subTest(function=function.__name__, value=value):
            self.assertRaises(error, function, value, self.fail)

    def test_events(self):
        for body in (b"[1, 2.5, null]", b'"12345678901234567890123"', b"18446744073709551615"):
            self.assertEqual(_nb_json.loads(body, json.loads), json.loads(body))

    def test_integers_beyond_64_bits(self):
        for body in (
            b"18446744073709551616",
            b"[-9223372036854775809]",
            b'{"a":' + b"9" * 30 + b"}",
        ):
            self.refuses(_nb_json.loads, ValueError, body)

    def test_only_bytes(self):
        for body in ("1", bytearray(b"1"), None):
            self.refuses(_nb_json.loads, ValueError, body)

    def test_responses(self):
        values = [
            None,
            True,
            0,
            -0.5,
            "é",
            "",
            [],
            {},
            (),
            {"a": [1, (2.5, None)], "b": {"c": "d"}},
        ]
        for value in (*values, values):
            wanted = json.dumps(value)
            self.assertEqual(_nb_json.dumps(value, json.dumps), wanted)

    def test_other_types(self):
        values = (
            math.nan,
            math.inf,
            -math.inf,
            b"x",
            {1},
            1j,
            ...,
            Text("x"),
            object(),
            {1: 2},
            {None: 1},
        )
        for value in (*values, {Text("k"): 1}, {b"k": 1}, range(2)):
            for wrapped in (value, [value], (0, value), {"a": value}):
                self.refuses(_nb_json.dumps, TypeError, wrapped)

    def test_circles_and_depth(self):
        circle = []
        circle.append({"again": (circle,)})
        self.refuses(_nb_json.dumps, TypeError, circle)
        deep = 0
        for _ in range(100_000):
            deep = [deep]
        self.refuses(_nb_json.dumps, TypeError, deep)
        while deep:
            (deep,) = deep

    def test_errors_of_the_function_pass(self):
        def fail(_):
            raise MemoryError

        self.assertRaises(MemoryError, _nb_json.loads, b"1", fail)
        self.assertRaises(MemoryError, _nb_json.dumps, 1, fail)

    def test_arguments(self):
        for arguments in ((), (b"1",), (b"1", json.loads, 1)):
            self.assertRaises(TypeError, _nb_json.loads, *arguments)
            self.assertRaises(TypeError, _nb_json.dumps, *arguments)


if __name__ == "__main__":
    unittest.main()
