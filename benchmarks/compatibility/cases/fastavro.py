"""Writes and reads Avro."""

import io

import fastavro

SCHEMA = {
    "type": "record",
    "name": "Point",
    "fields": [{"name": "x", "type": "int"}, {"name": "s", "type": ["null", "string"]}],
}
EXPECTED = [[{"x": 1, "s": "a"}, {"x": 2, "s": None}], "02020261", "_read"]


def use():
    schema = fastavro.parse_schema(SCHEMA)
    file, bare = io.BytesIO(), io.BytesIO()
    fastavro.writer(file, schema, [{"x": 1, "s": "a"}, {"x": 2, "s": None}], codec="deflate")
    fastavro.schemaless_writer(bare, schema, {"x": 1, "s": "a"})
    found = list(fastavro.reader(io.BytesIO(file.getvalue())))
    return [found, bare.getvalue().hex(), fastavro.reader.__module__.rpartition(".")[2]]
