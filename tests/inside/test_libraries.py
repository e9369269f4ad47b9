"""The modules that wrap C libraries: sqlite3, ctypes, compression, hashes, decimal, XML."""

import binascii
import bz2
import ctypes
import ctypes.util
import decimal
import gzip
import hashlib
import hmac
import lzma
import os
import sqlite3
import tempfile
import unicodedata
import unittest
import unittest.mock
import xml.etree.ElementTree as ElementTree
import zlib

TEXT = b"The quick brown fox jumps over the lazy dog. " * 2000


class Sqlite(unittest.TestCase):
    def test_file_and_transaction(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "test.db")
            connection = sqlite3.connect(path)
            with connection:
                connection.execute("create table t (a integer primary key, b text, c blob)")
                rows = [(i, str(i) * 3, bytes([i % 256]) * i) for i in range(500)]
                connection.executemany("insert into t values (?, ?, ?)", rows)
            with self.assertRaises(ZeroDivisionError), connection:
                connection.execute("delete from t")
                raise ZeroDivisionError
            connection.close()
            connection = sqlite3.connect(path)
            self.assertEqual(connection.execute("select * from t order by a").fetchall(), rows)
            connection.close()

    def test_compiled_features(self):
        connection = sqlite3.connect(":memory:")
        self.addCleanup(connection.close)
        connection.execute("create virtual table f using fts5(x)")
        connection.executemany("insert into f values (?)", [("red fox",), ("blue whale",)])
        self.assertEqual(
            connection.execute("select x from f('whale')").fetchall(), [("blue whale",)]
        )
        connection.execute("create virtual table r using rtree(id, a, b)")
        self.assertEqual(
            connection.execute("""select '{"a":[1,2]}' -> '$.a[1]'""").fetchone(), ("2",)
        )
        self.assertAlmostEqual(connection.execute("select sqrt(2)").fetchone()[0], 2**0.5)
        self.assertEqual(sqlite3.threadsafety, 3)

    def test_function_and_serialize(self):
        connection = sqlite3.connect(":memory:")
        self.addCleanup(connection.close)
        connection.create_function("twice", 1, lambda x: x * 2)
        self.assertEqual(connection.execute("select twice(21)").fetchone(), (42,))
        connection.execute("create table t (a)")
        copy = sqlite3.connect(":memory:")
        self.addCleanup(copy.close)
        copy.deserialize(connection.serialize())
        self.assertEqual(copy.execute("select name from sqlite_master").fetchall(), [("t",)])


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_long)]


class Ctypes(unittest.TestCase):
    def test_program_itself(self):
        libc = ctypes.CDLL(None)
        libc.strlen.argtypes = [ctypes.c_char_p]
        self.assertEqual(libc.strlen(b"hello"), 5)
        libc.pow.restype = ctypes.c_double
        libc.pow.argtypes = [ctypes.c_double, ctypes.c_double]
        self.assertEqual(libc.pow(2.0, 10.0), 1024.0)
        with self.assertRaises(AttributeError):
            libc.no_such_function_anywhere  # noqa: B018

    def test_libc_by_name(self):
        for name in ("libc.so.6", "libc.so"):
            with self.subTest(name):
                self.assertEqual(ctypes.CDLL(name).abs(-7), 7)

    def test_libm_and_zlib_by_the_names_that_are_found(self):
        cos = ctypes.CDLL(ctypes.util.find_library("m")).cos
        cos.restype, cos.argtypes = ctypes.c_double, [ctypes.c_double]
        self.assertEqual(cos(0.0), 1.0)
        version = ctypes.CDLL(ctypes.util.find_library("z")).zlibVersion
        version.restype = ctypes.c_char_p
        self.assertEqual(version().decode(), zlib.ZLIB_RUNTIME_VERSION)
        self.assertEqual(ctypes.CDLL(ctypes.util.find_library("c")).abs(-7), 7)

    def test_no_library_of_the_system_is_found(self):
        """They are glibc's; and nothing is started to look for them."""
        with unittest.mock.patch("os.posix_spawn"), unittest.mock.patch("subprocess.Popen") as run:
            for name in ("ssl", "crypto", "stdc++", "gcc_s", "no.such"):
                self.assertIsNone(ctypes.util.find_library(name))
        run.assert_not_called()

    def test_missing_library(self):
        with self.assertRaises(OSError):
            ctypes.CDLL("libdoesnotexist.so.1")

    def test_variadic(self):
        libc = ctypes.CDLL(None)
        buffer = ctypes.create_string_buffer(64)
        libc.snprintf(buffer, 64, b"%d %s %.1f", 42, b"x", ctypes.c_double(1.5))
        self.assertEqual(buffer.value, b"42 x 1.5")

    def test_callback(self):
        compare = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)
        )
        numbers = (ctypes.c_int * 6)(5, 3, 9, -1, 7, 0)
        ctypes.CDLL(None).qsort(numbers, len(numbers), 4, compare(lambda a, b: a[0] - b[0]))
        self.assertEqual(list(numbers), [-1, 0, 3, 5, 7, 9])

    def test_structure_by_value(self):
        add = ctypes.CFUNCTYPE(ctypes.c_double, Point)(lambda p: p.x + p.y)
        self.assertEqual(add(Point(1.5, 2)), 3.5)

    def test_python_api(self):
        ctypes.pythonapi.PyLong_FromLong.restype = ctypes.py_object
        self.assertEqual(ctypes.pythonapi.PyLong_FromLong(ctypes.c_long(12345)), 12345)

    def test_errno(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.close(-1), -1)
        self.assertEqual(ctypes.get_errno(), 9)


class Compression(unittest.TestCase):
    def test_round_trips(self):
        for module in (zlib, bz2, lzma, gzip):
            with self.subTest(module.__name__):
                packed = module.compress(TEXT)
                self.assertLess(len(packed), len(TEXT) // 10)
                self.assertEqual(module.decompress(packed), TEXT)

    def test_known_values(self):
        self.assertEqual(zlib.crc32(b"123456789"), 0xCBF43926)
        self.assertEqual(binascii.crc32(b"123456789"), 0xCBF43926)
        self.assertEqual(zlib.adler32(b"Wikipedia"), 0x11E60398)
        self.assertEqual(zlib.ZLIB_RUNTIME_VERSION, zlib.ZLIB_VERSION)

    def test_damage_is_noticed(self):
        for module in (zlib, bz2, lzma):
            with self.subTest(module.__name__):
                packed = bytearray(module.compress(TEXT))
                packed[len(packed) // 2] ^= 0xFF
                with self.assertRaises((zlib.error, OSError, lzma.LZMAError, ValueError, EOFError)):
                    module.decompress(bytes(packed))

    def test_lzma_checks_and_filters(self):
        for check in (lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256):
            self.assertTrue(lzma.is_check_supported(check))
            self.assertEqual(lzma.decompress(lzma.compress(TEXT, check=check)), TEXT)
        filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}]
        packed = lzma.compress(TEXT, lzma.FORMAT_RAW, filters=filters)
        self.assertEqual(lzma.decompress(packed, lzma.FORMAT_RAW, filters=filters), TEXT)


KNOWN_HASHES = {
    "md5": "900150983cd24fb0d6963f7d28e17f72",
    "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha3_256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    "ripemd160": "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
}


class Hashes(unittest.TestCase):
    def test_known_values(self):
        for name, digest in KNOWN_HASHES.items():
            with self.subTest(name):
                self.assertEqual(hashlib.new(name, b"abc").hexdigest(), digest)

    def test_openssl_and_own_agree(self):
        for name in sorted(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}):
            with self.subTest(name):
                own = getattr(hashlib, name)(TEXT).digest()
                self.assertEqual(hashlib.new(name, TEXT).digest(), own)

    def test_blake2_keyed(self):
        digest = hashlib.blake2b(b"abc", key=b"key", digest_size=16).hexdigest()
        self.assertEqual(len(digest), 32)
        self.assertNotEqual(digest, hashlib.blake2b(b"abc", digest_size=16).hexdigest())

    def test_key_derivation(self):
        # RFC 6070, the second vector.
        self.assertEqual(
            hashlib.pbkdf2_hmac("sha1", b"password", b"salt", 2).hex(),
            "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
        )
        self.assertEqual(
            hashlib.scrypt(b"", salt=b"", n=16, r=1, p=1, dklen=16).hex(),
            "77d6576238657b203b19ca42c18a0497",
        )
        self.assertEqual(
            hmac.new(b"key", b"The quick brown fox jumps over the lazy dog", "md5").hexdigest(),
            "80070713463e7749b90c2dc24911e275",
        )


class Numbers(unittest.TestCase):
    def test_decimal(self):
        self.assertEqual(decimal.__file__.rpartition("/")[2], "decimal.py")
        self.assertIn("_decimal", __import__("sys").builtin_module_names)
        with decimal.localcontext() as context:
            context.prec = 60
            root = str(decimal.Decimal(2).sqrt())
        self.assertEqual(root, "1.41421356237309504880168872420969807856967187537694807317668")
        with self.assertRaises(decimal.DivisionByZero):
            decimal.Decimal(1) / 0

    def test_unicodedata(self):
        self.assertEqual(unicodedata.name("é"), "LATIN SMALL LETTER E WITH ACUTE")
        self.assertEqual(unicodedata.normalize("NFD", "é"), "e\u0301")
        self.assertEqual(unicodedata.lookup("SNOWMAN"), "☃")

    def test_codecs(self):
        for name, text in {
            "shift_jis": "日本",
            "gb18030": "中国",
            "big5": "臺灣",
            "cp1252": "€",
        }.items():
            with self.subTest(name):
                self.assertEqual(text.encode(name).decode(name), text)

    def test_xml(self):
        tree = ElementTree.fromstring("<a><b x='1'>t</b><b x='2'/></a>")
        self.assertEqual([node.get("x") for node in tree.iter("b")], ["1", "2"])
        with self.assertRaises(ElementTree.ParseError):
            ElementTree.fromstring("<a>")


if __name__ == "__main__":
    unittest.main()
