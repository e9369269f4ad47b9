import bz2
import ctypes
import hashlib
import hmac
import lzma
import xml.parsers.expat
import zlib

deflate = zlib.compressobj()
first = deflate.compress(b"x" * 1000)
xz = lzma.LZMACompressor()
second = xz.compress(b"x" * 1000)
bz = bz2.BZ2Compressor()
third = bz.compress(b"x" * 1000)
digest = hashlib.sha256(b"half ")
mac = hmac.new(b"key", b"half ", "sha1")
names = []
parser = xml.parsers.expat.ParserCreate()
parser.StartElementHandler = lambda name, attributes: names.append(name)
parser.Parse("<a><", False)
numbers = (ctypes.c_int * 4)(1, 2, 3, 5)


def handler(event, context):
    digest.update(b"done")
    mac.update(b"done")
    parser.Parse("b/></a>", True)
    return {
        "zlib": zlib.decompress(first + deflate.flush()) == b"x" * 1000,
        "lzma": lzma.decompress(second + xz.flush()) == b"x" * 1000,
        "bz2": bz2.decompress(third + bz.flush()) == b"x" * 1000,
        "sha": digest.digest() == hashlib.sha256(b"half done").digest(),
        "xml": names,
        "ctypes": numbers[3],
        "hmac": mac.digest() == hmac.digest(b"key", b"half done", "sha1"),
    }
