"""The meta-schemas, from their data files."""

from jsonschema_specifications import REGISTRY

EXPECTED = [["object", "boolean"], "http://json-schema.org/draft-07/schema#", True]


def use():
    newest = REGISTRY.contents("https://json-schema.org/draft/2020-12/schema")
    older = REGISTRY.contents("http://json-schema.org/draft-07/schema")
    return [newest["type"], older["$id"], len(REGISTRY) > 8]
