import bz2
import csv
import ctypes
import datetime
import decimal
import email.message
import fractions
import hashlib
import hmac
import io
import json
import locale
import lzma
import pickle
import re
import sqlite3
import statistics
import struct
import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
import zoneinfo

from checks import names_of

_base = sqlite3.connect(":memory:")
_base.execute("create table before (value)")
_base.executemany("insert into before values (?)", [(each,) for each in range(10)])
_base.commit()
_pattern = re.compile(r"(\w+)")
_digest = hashlib.sha256(b"half ")
_context = decimal.getcontext()
_context.prec = 30


def sqlite():
    base = sqlite3.connect(":memory:")
    base.execute("create table t (a)")
    base.executemany("insert into t values (?)", [(each,) for each in range(100)])
    return base.execute("select sum(a), typeof(random()) from t").fetchone()


def sqlite_of_before():
    return _base.execute("select sum(value), count(*) from before").fetchone()


def sqlite_in_a_file():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        with sqlite3.connect(f"{folder}/base") as base:
            base.execute("create table t (a)")
            base.execute("insert into t values (1)")
        base.close()
        again = sqlite3.connect(f"{folder}/base")
        found = again.execute("select * from t").fetchall()
        again.close()
        return found


def sqlite_full_text():
    base = sqlite3.connect(":memory:")
    try:
        base.execute("create virtual table t using fts5(a)")
    except sqlite3.OperationalError as error:
        return str(error)
    base.execute("insert into t values ('one two')")
    return base.execute("select count(*) from t where t match 'two'").fetchone()


def hashes():
    data = b"x" * 100_000
    names = sorted(hashlib.algorithms_guaranteed - {"shake_128", "shake_256"})
    return {name: hashlib.new(name, data).hexdigest()[:8] for name in names}


def digest_of_before():
    copy = _digest.copy()
    copy.update(b"done")
    return copy.hexdigest()


def key_derivation():
    return [
        hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 1000).hex()[:16],
        hashlib.scrypt(b"secret", salt=b"salt", n=16, r=8, p=1).hex()[:16],
        hmac.new(b"key", b"text", "sha512").hexdigest()[:16],
    ]


def compression():
    data = b"some text " * 10_000
    packed = [module.compress(data) for module in (zlib, lzma, bz2)]
    unpacked = [m.decompress(p) for m, p in zip((zlib, lzma, bz2), packed)]
    return [[len(each) for each in packed], all(each == data for each in unpacked)]


def zip_files():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "x" * 1000)
    return zipfile.ZipFile(file).read("a.txt").decode()[:3]


def regular_expressions():
    return _pattern.sub(lambda match: match[1][::-1], "hello world")


def xml():
    root = ElementTree.fromstring("<a b='1'><c>ü</c></a>")
    return [root.get("b"), root[0].text, ElementTree.tostring(root).decode()]


def decimals():
    return [str(decimal.Decimal(1) / 3), str(fractions.Fraction(1, 3) + 1), _context.prec]


def floats():
    return [0.1 + 0.2, float("1e308") * 10 == float("inf"), round(2.675, 2), (0.5).hex(),
            statistics.fmean([1, 2, 4]), 2**0.5, "%.17g" % 1.1, float("nan") != float("nan")]


def json_both_ways():
    return json.loads(json.dumps({"ü": [1, 2.5, None, True], "n": {"x": "\u2028"}}))


def pickles():
    value = {"date": datetime.date(2026, 1, 2), "set": {1, 2}, "bytes": b"\0" * 10}
    return pickle.loads(pickle.dumps(value)) == value


def structs():
    return list(struct.unpack("<IhBq", struct.pack("<IhBq", 1, -2, 3, -4)))


def tables():
    out = io.StringIO()
    csv.writer(out).writerows([[1, "a,b"], [2, 'q"q']])
    return out.getvalue()


def mails():
    message = email.message.EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("Text")
    return message.as_string()


def c_functions():
    library = ctypes.CDLL(None)
    library.strlen.restype = ctypes.c_size_t
    numbers = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    library.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), kind(lambda a, b: a[0] - b[0]))
    return [ctypes.sizeof(ctypes.c_long), library.strlen(b"abcd"), list(numbers)]


def unicode():
    return [unicodedata.name("ü"), unicodedata.normalize("NFD", "ü") == "u\u0308", "İ".lower(),
            "ß".upper(), "ü".encode("latin-1").hex(), "ü".encode("idna").decode()]


def codecs():
    names = ["utf-16", "cp1252", "shift_jis", "utf-7", "punycode", "rot13"]
    import codecs as module

    return [module.encode("abc", name).hex() if name != "rot13" else module.encode("abc", name)
            for name in names]


def locales():
    return [locale.setlocale(locale.LC_ALL), locale.localeconv()["decimal_point"],
            f"{1234567.5:n}", locale.getpreferredencoding(False)]


def zones():
    zone = zoneinfo.ZoneInfo("America/New_York")
    moment = datetime.datetime(2026, 7, 1, tzinfo=zone)
    return [moment.isoformat(), datetime.datetime.fromtimestamp(0, zone).isoformat()]


NAMES = names_of(globals())
