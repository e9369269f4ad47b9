"""Grouping, joining, reading CSV, time series."""

import io

import pandas as pd

EXPECTED = {
    "grouped": {"a": 4, "b": 6},
    "joined": [["a", 1, 10.0], ["b", 2, None]],
    "csv": {"x": {"0": 1, "1": 3}, "y": {"0": 2.5, "1": None}},
    "months": [59, 31],
    "dtype": "datetime64",
}


def use():
    frame = pd.DataFrame({"k": ["a", "b", "a", "b"], "v": [1, 2, 3, 4]})
    left = pd.DataFrame({"k": ["a", "b"], "v": [1, 2]})
    joined = left.merge(pd.DataFrame({"k": ["a"], "w": [10.0]}), how="left")
    series = pd.Series(1, index=pd.date_range("2026-01-01", "2026-03-31"))
    by_month = series.resample("MS").sum()
    return {
        "grouped": frame.groupby("k")["v"].sum().to_dict(),
        "joined": [[k, v, None if w != w else w] for k, v, w in joined.values.tolist()],
        "csv": {
            column: {str(row): None if v != v else v for row, v in values.items()}
            for column, values in pd.read_csv(io.StringIO("x,y\n1,2.5\n3,\n")).to_dict().items()
        },
        "months": [int(by_month.iloc[0] + by_month.iloc[1]), int(by_month.iloc[2])],
        "dtype": str(series.index.dtype).partition("[")[0],
    }
