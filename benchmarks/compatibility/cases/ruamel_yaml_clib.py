"""The C loader of ruamel.yaml."""

import io

import _ruamel_yaml
from ruamel.yaml import YAML

REQUIRES = ("ruamel.yaml",)
EXPECTED = [[{"a": [1, 2]}, True], "b:\n- x\n"]


def use():
    yaml = YAML(typ="safe", pure=False)
    loaded = yaml.load("- {a: [1, 2]}\n- true\n")
    out = io.StringIO()
    yaml.default_flow_style = False
    yaml.dump({"b": ["x"]}, out)
    assert _ruamel_yaml.get_version()[0] == 0
    return [loaded, out.getvalue()]
