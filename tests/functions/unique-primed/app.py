"""Every generator has been used at import: its state may be anywhere."""

import email.utils
import os
import random
import secrets
import sqlite3
import ssl
import tempfile
import uuid

base = sqlite3.connect(":memory:")
own = random.Random()
VALUES = {
    "random": random.random(),
    "own": own.random(),
    "uuid1": str(uuid.uuid1()),
    "uuid4": str(uuid.uuid4()),
    "secrets": secrets.token_hex(16),
    "urandom": os.urandom(16).hex(),
    "openssl": ssl.RAND_bytes(16).hex(),
    "sqlite": base.execute("select random()").fetchone()[0],
    "mktemp": os.path.basename(tempfile.mktemp()),
    "message": email.utils.make_msgid(domain="x").split(".")[2],
    "many": os.urandom(4096).hex()[-32:],
}


def handler(event, context):
    return {
        **{f"constant {name}": value for name, value in VALUES.items()},
        "random": random.random(),
        "own": own.random(),
        "uuid1": str(uuid.uuid1()),
        "uuid4": str(uuid.uuid4()),
        "secrets": secrets.token_hex(16),
        "openssl": ssl.RAND_bytes(16).hex(),
        "sqlite": base.execute("select random()").fetchone()[0],
        "mktemp": os.path.basename(tempfile.mktemp()),
    }
