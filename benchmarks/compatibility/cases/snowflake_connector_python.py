"""Quotes, converts, and its reader of Arrow results."""

import datetime

from snowflake.connector import connect, errors
from snowflake.connector.arrow_context import ArrowConverterContext
from snowflake.connector.converter import SnowflakeConverter
from snowflake.connector.nanoarrow_arrow_iterator import PyArrowRowIterator

EXPECTED = ["'o\\'clock'", "2026-01-02", "refused", "connector"]


def use():
    converter = SnowflakeConverter()
    quoted = converter.quote(converter.escape("o'clock"))
    day = converter.to_snowflake(datetime.date(2026, 1, 2))
    try:
        list(
            PyArrowRowIterator(
                None, b"no arrow", ArrowConverterContext(), False, False, False, True
            )
        )
        read = "accepted"
    except errors.Error:
        read = "refused"
    try:
        connect(user="u")
        module = "none"
    except errors.ProgrammingError as error:
        module = type(error).__module__.split(".")[1]
    return [quoted, str(day), read, module]
