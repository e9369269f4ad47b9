"""What Python 3.14 has in its standard library."""

import io

from backports import zstd

EXPECTED = [True, True, "refused"]


def use():
    data = b"all work and no play " * 5000
    out = io.BytesIO()
    with zstd.open(out, "w") as stream:
        stream.write(data)
    try:
        zstd.decompress(b"nonsense")
        last = "accepted"
    except zstd.ZstdError:
        last = "refused"
    return [
        zstd.decompress(zstd.compress(data, level=10)) == data,
        zstd.decompress(out.getvalue()) == data,
        last,
    ]
