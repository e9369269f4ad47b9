"""CBOR."""

import datetime

import cbor2

EXPECTED = [
    "83010203",
    {"a": [1.5, None], "b": "ü"},
    "2013-03-21T20:04:00+00:00",
    "c249010000000000000000",
]


def use():
    # From RFC 8949, appendix A.
    moment = cbor2.loads(bytes.fromhex("c074323031332d30332d32315432303a30343a30305a"))
    return [
        cbor2.dumps([1, 2, 3]).hex(),
        cbor2.loads(cbor2.dumps({"a": [1.5, None], "b": "ü"})),
        moment.astimezone(datetime.timezone.utc).isoformat(),
        cbor2.dumps(18446744073709551616).hex(),
    ]
