"""Compresses, with a dictionary and as a stream."""

import io

import zstandard

EXPECTED = [True, True, True, "cext"]


def use():
    data = b"all work and no play " * 5000
    small = zstandard.ZstdCompressor(level=19, threads=2).compress(data)
    samples = [b"key-%d: value of %d;" % (n, n * n) for n in range(3000)]
    trained = zstandard.train_dictionary(4096, samples)
    packed = zstandard.ZstdCompressor(dict_data=trained).compress(samples[7])
    again = zstandard.ZstdDecompressor(dict_data=trained).decompress(packed)
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(small)) as reader:
        whole = reader.read()
    return [whole == data, len(small) < 200, again == samples[7], zstandard.backend]
