"""Resolves references between documents."""

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

EXPECTED = [{"type": "integer"}, "unresolvable"]


def use():
    schema = {"$id": "http://example.com/a", "$defs": {"n": {"type": "integer"}}}
    registry = Resource(contents=schema, specification=DRAFT202012) @ Registry()
    resolver = registry.resolver("http://example.com/")
    try:
        resolver.lookup("b")
        last = "resolved"
    except Unresolvable:
        last = "unresolvable"
    return [resolver.lookup("a#/$defs/n").contents, last]
