"""Validates and serialises with a schema of its own."""

from pydantic_core import SchemaSerializer, SchemaValidator, ValidationError, core_schema

EXPECTED = [{"name": "x", "age": 3}, ["age", "int_parsing"], '{"name":"x","age":3}']


def use():
    schema = core_schema.typed_dict_schema(
        {
            "name": core_schema.typed_dict_field(core_schema.str_schema()),
            "age": core_schema.typed_dict_field(core_schema.int_schema(ge=0)),
        }
    )
    validator = SchemaValidator(schema)
    try:
        validator.validate_python({"name": "x", "age": "three"})
    except ValidationError as error:
        problem = [error.errors()[0]["loc"][0], error.errors()[0]["type"]]
    value = validator.validate_json('{"name": "x", "age": "3"}')
    return [value, problem, SchemaSerializer(schema).to_json(value).decode()]
