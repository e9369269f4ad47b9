"""Puts parameters into a query, and tells that nobody listens."""

import pymssql
from pymssql import _mssql

EXPECTED = ["SELECT N'o''clock', 7, NULL", "OperationalError"]


def use():
    query = _mssql.substitute_params("SELECT %s, %d, %s", ("o'clock", 7, None))
    try:
        pymssql.connect("127.0.0.1", "u", "p", "d", port="1", login_timeout=5)
        last = "accepted"
    except pymssql.Error as error:
        last = type(error).__name__
    return [query.decode() if isinstance(query, bytes) else query, last]
