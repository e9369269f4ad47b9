"""Models, validators, errors and a schema."""

from pydantic import BaseModel, EmailStr, Field, TypeAdapter, ValidationError, field_validator

REQUIRES = ("email-validator",)
EXPECTED = [
    '{"name":"ADA","mail":"a@example.com","tags":[1,2]}',
    [["tags", 0], ["mail"]],
    "string",
    [1.5],
]


class User(BaseModel):
    name: str
    mail: EmailStr
    tags: list[int] = Field(default_factory=list, max_length=3)

    @field_validator("name")
    @classmethod
    def upper(cls, value):
        return value.upper()


def use():
    user = User(name="ada", mail="a@example.com", tags=["1", 2])
    try:
        User(name="x", mail="none", tags=["x"])
    except ValidationError as error:
        where = sorted((list(found["loc"]) for found in error.errors()), key=len, reverse=True)
    schema = User.model_json_schema()["properties"]["name"]["type"]
    return [user.model_dump_json(), where, schema, TypeAdapter(list[float]).validate_json("[1.5]")]
