"""Its ODBC driver manager, and that there is no driver."""

import pyodbc

EXPECTED = [True, True, "2.0"]


def use():
    try:
        pyodbc.connect("DRIVER={none such};SERVER=127.0.0.1", timeout=1)
        state = ""
    except pyodbc.Error as error:
        state = error.args[0]
    return [
        isinstance(pyodbc.drivers(), list),
        state in ("01000", "IM002", "IM003"),
        pyodbc.apilevel,
    ]
