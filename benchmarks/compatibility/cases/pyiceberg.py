"""Schemas, partitions and the compiled Avro decoder."""

from pyiceberg.avro.decoder_fast import CythonBinaryDecoder
from pyiceberg.expressions import GreaterThan, Reference
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform
from pyiceberg.types import IntegerType, LongType, NestedField, StringType

EXPECTED = [12, "hi", ["id", "name"], "GreaterThan", 3]


def use():
    decoder = CythonBinaryDecoder(b"\x18\x04hi")
    number, text = decoder.read_int(), decoder.read_utf8()
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
    bound = GreaterThan(Reference("id"), 5).bind(schema)
    # The specification's example: 34 hashes to 2017239379.
    bucket = BucketTransform(16).transform(IntegerType())(34)
    return [
        number,
        text,
        list(schema.column_names),
        type(bound).__name__.replace("Bound", ""),
        bucket,
    ]
