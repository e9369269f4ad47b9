"""Typed JSON and MessagePack."""

import msgspec

EXPECTED = [
    '{"name":"x","tags":["a"]}',
    ["x", ["a"]],
    "Expected `str`, got `int` - at `$.name`",
    "string",
]


class User(msgspec.Struct):
    name: str
    tags: list[str] = []


def use():
    user = User("x", ["a"])
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(user), type=User)
    try:
        msgspec.json.decode(b'{"name": 1}', type=User)
        problem = ""
    except msgspec.ValidationError as error:
        problem = str(error)
    schema = msgspec.json.schema(User)["$defs"]["User"]["properties"]["name"]["type"]
    return [msgspec.json.encode(user).decode(), [again.name, again.tags], problem, schema]
