"""Everything that has to differ from process to process; all the libraries are in the image."""

import email.generator
import email.utils
import hashlib
import json
import multiprocessing
import multiprocessing.process
import os
import random
import secrets
import sqlite3
import ssl
import tempfile
import uuid

context = ssl.create_default_context()
base = sqlite3.connect(":memory:")
base.execute("create table before (value)")


class Named(random.Random):
    """Seeded by the system when it is made."""


def hello():
    """The random and the session id of a TLS ClientHello: it is what a key exchange begins with."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        data = outgoing.read()
    return data


def key():
    """The public part of an ephemeral key, from the key share of a TLS 1.3 ClientHello."""
    data = hello()
    at = data.rindex(bytes.fromhex("001d0020"))  # x25519, 32 bytes
    return data[at + 4 : at + 36].hex()


def values():
    generator = Named()
    found = {
        "random": random.random(),
        "randbytes": random.randbytes(16).hex(),
        "gauss": random.gauss(0, 1),
        "shuffled": random.sample(range(10**12), 3),
        "generator": generator.random(),
        "system": random.SystemRandom().getrandbits(64),
        "uuid1": str(uuid.uuid1()),
        "uuid4": str(uuid.uuid4()),
        "token": secrets.token_hex(16),
        "choice": "".join(secrets.choice("abcdefghij") for _ in range(24)),
        "urandom": os.urandom(16).hex(),
        "getrandom": os.getrandom(16).hex(),
        "openssl": ssl.RAND_bytes(16).hex(),
        "hello": hello()[11:43].hex(),
        "session": hello()[44:76].hex(),
        "key": key(),
        "salt": hashlib.sha256(ssl.RAND_bytes(32)).hexdigest(),
        "sqlite": base.execute("select random()").fetchone()[0],
        "blob": base.execute("select hex(randomblob(16))").fetchone()[0],
        "other": sqlite3.connect(":memory:").execute("select random()").fetchone()[0],
        "boundary": email.generator.Generator._make_boundary(),
        "message": email.utils.make_msgid(domain="x").split(".")[2],  # after time and pid
        "authkey": multiprocessing.process.current_process().authkey.hex(),
        "mktemp": os.path.basename(tempfile.mktemp()),
    }
    with tempfile.NamedTemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
        found["file"], found["folder"] = os.path.basename(file.name), os.path.basename(folder)
    return found


def handler(event, _):
    found = values()
    child = os.pipe()
    if os.fork() == 0:  # a fork of a restored process is on its own, too
        own = [random.random(), ssl.RAND_bytes(8).hex(), str(uuid.uuid4()), secrets.token_hex(8)]
        os.write(child[1], json.dumps(own).encode())
        os._exit(0)
    os.wait()
    for number, value in enumerate(json.loads(os.read(child[0], 1000))):
        found[f"child {number}"] = value
    for end in child:
        os.close(end)
    return found
