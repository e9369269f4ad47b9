"""The C loader and dumper (libyaml)."""

import yaml

EXPECTED = [{"a": [1, 2.5, None], "b": {"c": "ü"}}, "- x: 1\n- true\n"]


def use():
    loaded = yaml.load("a: [1, 2.5, ~]\nb: {c: ü}\n", Loader=yaml.CSafeLoader)
    return [loaded, yaml.dump([{"x": 1}, True], Dumper=yaml.CSafeDumper)]
