import threading


def handler(event, context):
    import later

    found = []

    def work():
        import sqlite3

        found.append(sqlite3.connect(":memory:").execute("select 4").fetchone()[0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return {"first": later.VALUE, "second": found[0], "count": later.count()}
