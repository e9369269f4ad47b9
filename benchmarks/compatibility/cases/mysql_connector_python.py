"""Converts, and tells that nobody listens."""

import datetime

import mysql.connector
from mysql.connector.conversion import MySQLConverter

EXPECTED = ["o\\'clock", "2026-01-02", 2003]


def use():
    converter = MySQLConverter()
    day = converter.to_python(("d", 10, None, None, None, None, 0, 0, 63), b"2026-01-02")
    assert day == datetime.date(2026, 1, 2)
    try:
        mysql.connector.connect(host="127.0.0.1", port=1, user="u", connection_timeout=5)
        code = 0
    except mysql.connector.Error as error:
        code = error.errno
    return [converter.escape("o'clock"), day.isoformat(), code]
