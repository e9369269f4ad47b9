"""Hashes a password."""

import bcrypt

EXPECTED = ["$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm", True, False]


def use():
    # From bcrypt's own vectors.
    known = bcrypt.hashpw(b"Kk4DQuMMfZL9o", b"$2b$04$cVWp4XaNU8a4v1uMRum2SO")
    made = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))
    return [known.decode(), bcrypt.checkpw(b"secret", made), bcrypt.checkpw(b"other", made)]
