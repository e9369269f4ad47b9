"""Psycopg's compiled adapters with its own libpq."""

import psycopg
from psycopg import pq, sql
from psycopg.types.json import Json

REQUIRES = ("psycopg",)
EXPECTED = ["binary", "SELECT \"a b\" FROM t WHERE x = 'o''clock'", "{1,2}", "refused"]


def use():
    query = sql.SQL("SELECT {} FROM t WHERE x = {}").format(sql.Identifier("a b"), "o'clock")
    transformer = psycopg.adapt.Transformer()
    dumper = transformer.get_dumper([1, 2], psycopg.adapt.PyFormat.TEXT)
    assert transformer.get_dumper(Json({}), psycopg.adapt.PyFormat.TEXT).dump(Json({})) == b"{}"
    try:
        psycopg.connect("host=127.0.0.1 port=1 user=u dbname=d connect_timeout=5")
        last = "accepted"
    except psycopg.OperationalError as error:
        last = "refused" if "refused" in str(error) else str(error)
    return [pq.__impl__, query.as_string(None), bytes(dumper.dump([1, 2])).decode(), last]
