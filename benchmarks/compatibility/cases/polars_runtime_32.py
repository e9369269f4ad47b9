"""The engine of polars, lazily and at once."""

import io

import polars as pl

REQUIRES = ("polars",)
EXPECTED = [[["a", 4], ["b", 6]], [2.5], 3, "2026-02-01"]


def use():
    frame = pl.DataFrame({"k": ["a", "b", "a", "b"], "v": [1, 2, 3, 4]})
    grouped = frame.lazy().group_by("k").agg(pl.col("v").sum()).sort("k").collect()
    file = io.BytesIO()
    frame.write_parquet(file)
    means = pl.read_parquet(io.BytesIO(file.getvalue())).select(pl.col("v").mean())["v"].to_list()
    csv = pl.read_csv(b"x,y\n1,a\n2,b\n3,c\n")
    day = pl.Series(["2026-01-01"]).str.to_date().dt.offset_by("1mo").to_list()[0]
    return [[list(row) for row in grouped.rows()], means, csv.height, day.isoformat()]
