"""BSON both ways, and tells that nobody listens."""

import datetime

import bson
from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import ServerSelectionTimeoutError

# From bsonspec.org.
EXPECTED = ["160000000268656c6c6f0006000000776f726c640000", "2026-01-01", "5f" * 12, "nobody"]


def use():
    data = bson.encode({"hello": "world"})
    found = bson.decode(bson.encode({"t": datetime.datetime(2026, 1, 1), "i": ObjectId("5f" * 12)}))
    try:
        with MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=200) as client:
            client.admin.command("ping")
        there = "somebody"
    except ServerSelectionTimeoutError:
        there = "nobody"
    return [data.hex(), found["t"].date().isoformat(), str(found["i"]), there]
