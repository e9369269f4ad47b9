import sqlite3

base = sqlite3.connect(":memory:")
base.execute("create table numbers (number, text)")
base.executemany("insert into numbers values (?, 'ü')", [(n,) for n in range(100)])
base.create_function("twice", 1, lambda number: number * 2)
base.commit()


def handler(event, context):
    with base:
        base.execute("insert into numbers values (0, 'new')")
    found = base.execute("select sum(number), count(*) from numbers").fetchone()
    text = base.execute("select text from numbers where twice(number) = 8").fetchone()[0]
    return {"sum": found[0], "rows": found[1], "text": text}
