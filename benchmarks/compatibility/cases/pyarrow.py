"""Compute, Parquet, IPC, CSV and a data set with a filter."""

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

EXPECTED = {
    "sum": 10,
    "grouped": {"a": 4, "b": 6},
    "parquet": [{"k": "b", "v": 4}],
    "ipc": 4,
    "csv": ["x", "y"],
    "codecs": True,
}


def use():
    table = pa.table({"k": ["a", "b", "a", "b"], "v": [1, 2, 3, 4]})
    groups = table.group_by("k").aggregate([("v", "sum")]).to_pylist()
    parquet = io.BytesIO()
    pa.parquet.write_table(table, parquet, compression="zstd")
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    again = pa.parquet.read_table(io.BytesIO(parquet.getvalue()))
    found = pa.dataset.dataset(again).to_table(filter=pc.field("v") > 3)
    return {
        "sum": pc.sum(table["v"]).as_py(),
        "grouped": {row["k"]: row["v_sum"] for row in groups},
        "parquet": found.to_pylist(),
        "ipc": pa.ipc.open_stream(stream.getvalue()).read_all().num_rows,
        "csv": pa.csv.read_csv(io.BytesIO(b"x,y\n1,2\n")).column_names,
        "codecs": all(pa.Codec.is_available(name) for name in ("snappy", "lz4", "brotli")),
    }
