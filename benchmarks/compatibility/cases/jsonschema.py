"""Checks a document, finds all errors, follows references."""

import jsonschema

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"n": {"$ref": "#/$defs/number"}, "s": {"type": "string", "format": "ipv4"}},
    "required": ["n"],
    "$defs": {"number": {"type": "integer", "minimum": 1}},
}
EXPECTED = [True, ["'n' is a required property"], ["$.n", "$.s"]]


def use():
    checker = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    missing = [error.message for error in checker.iter_errors({})]
    wrong = sorted(error.json_path for error in checker.iter_errors({"n": 0, "s": "x"}))
    return [checker.is_valid({"n": 1, "s": "127.0.0.1"}), missing, wrong]
