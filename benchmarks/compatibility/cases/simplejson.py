"""Writes and reads JSON."""

import decimal

import simplejson

EXPECTED = ['{"a": [1, 2.50, null]}', "0.1", True]


def use():
    text = simplejson.dumps({"a": [1, decimal.Decimal("2.50"), None]})
    value = simplejson.loads("[0.1]", use_decimal=True)[0]
    return [text, str(value), bool(simplejson.encoder.c_make_encoder)]
