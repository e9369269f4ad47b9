"""A checksum, at once and in parts."""

import google_crc32c

EXPECTED = [0xE3069283, 0xE3069283]  # RFC 3720's polynomial, the usual check value


def use():
    parts = google_crc32c.Checksum()
    parts.update(b"12345")
    parts.update(b"6789")
    whole = google_crc32c.value(b"123456789")
    return [whole, int.from_bytes(parts.digest(), "big")]
