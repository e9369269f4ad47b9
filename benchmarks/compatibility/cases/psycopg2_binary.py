"""Quotes, parses types, and tells that nobody listens."""

import psycopg2
from psycopg2 import extensions, extras

EXPECTED = ["'o''clock'", "ARRAY[1,2]", "'{\"a\": 1}'", 7.5, "OperationalError", True]


def use():
    quoted = extensions.QuotedString("o'clock").getquoted().decode()
    array = extensions.adapt([1, 2]).getquoted().decode()
    try:
        psycopg2.connect(host="127.0.0.1", port=1, connect_timeout=5, user="u", dbname="d")
    except psycopg2.Error as error:
        refused = [type(error).__name__, "refused" in str(error)]
    value = float(extensions.DECIMAL("7.5", None))
    return [quoted, array, extras.Json({"a": 1}).getquoted().decode(), value, *refused]
