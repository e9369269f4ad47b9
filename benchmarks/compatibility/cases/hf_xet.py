"""Hashes a file as the hub does."""

import tempfile
from pathlib import Path

import hf_xet

EXPECTED = [True, 5, "refused"]


def use():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.bin")
        path.write_bytes(b"hello")
        again = Path(folder, "b.bin")
        again.write_bytes(b"hello")
        one, two = (found for found in hf_xet.hash_files([str(path), str(again)]))
        try:
            hf_xet.hash_files([str(path) + "none"])
            last = "accepted"
        except Exception:
            last = "refused"
    return [one.hash == two.hash and len(one.hash) == 64, one.file_size, last]
