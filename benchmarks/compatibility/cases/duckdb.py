"""SQL over values, JSON and CSV."""

import tempfile
from pathlib import Path

import duckdb

EXPECTED = [[["a", 4], ["b", 6]], 4950, "x", [[1, "q"]]]


def use():
    with duckdb.connect(":memory:") as database:
        database.execute(
            "CREATE TABLE t AS SELECT * FROM (VALUES ('a',1),('b',2),('a',3),('b',4)) v(k,n)"
        )
        rows = database.execute("SELECT k, sum(n)::INT FROM t GROUP BY k ORDER BY k").fetchall()
        total = database.execute("SELECT sum(i)::INT FROM range(100) r(i)").fetchone()[0]
        text = database.execute("""SELECT '{"a": "x"}'::JSON ->> 'a'""").fetchone()[0]
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "a.csv").write_text("n,s\n1,q\n")
            read = database.execute(f"SELECT * FROM '{folder}/a.csv'").fetchall()
    return [[list(row) for row in rows], total, text, [list(row) for row in read]]
