"""`_nb_archive` on archives written here, good and damaged."""

import contextlib
import marshal
import random
import struct
import unittest
import zlib

import _nb_archive

PACKAGE, NAMESPACE, CODE_DEFLATED, SOURCE_DEFLATED, COMPILED, INFO = 1, 2, 4, 8, 16, 32
HEADER = struct.Struct("<8sIIQQQQQQ")
EMPTY = HEADER.pack(b"NBARCH01", 0, 40, 64, 64, 0, 64, 64, 0)


def code(text):
    return marshal.dumps(compile(text, "x.py", "exec"))


def archive(*modules):
    """Each module: (name, path, flags, code bytes, source bytes or None)."""
    table, strings, data = b"", b"", b""
    for name, path, flags, body, source in sorted(modules, key=lambda one: one[0].encode()):
        raw = len(body)
        if flags & CODE_DEFLATED:
            body = zlib.compress(body)
        places = (
            len(strings),
            len(name.encode()),
            len(strings) + len(name.encode()),
            len(path.encode()),
        )
        strings += (name + path).encode()
        code_at = len(data)
        data += body
        source_at, source_len = 0xFFFFFFFF, 0
        if source is not None:
            flags |= SOURCE_DEFLATED
            stored = struct.pack("<I", len(source)) + zlib.compress(source)
            source_at, source_len = len(data), len(stored)
            data += stored
        table += struct.pack("<10I", *places, flags, code_at, len(body), raw, source_at, source_len)
    strings_at = 64 + len(table)
    data_at = strings_at + len(strings)
    head = HEADER.pack(
        b"NBARCH01", len(modules), 40, 64, strings_at, len(strings), data_at, data_at + len(data), 0
    )
    return head + table + strings + data


GOOD = archive(
    ("@handler", "", INFO, b"app.handler", None),
    ("@version", "", INFO, "1.0 é".encode(), None),
    ("app", "app.py", 0, code("x = 1"), b"x = 1\n"),
    ("json", "/var/lang/lib/python3.13/json/__init__.py", PACKAGE, code("y = 2"), None),
    ("json.decoder", "/d.py", CODE_DEFLATED, code("z = 3\n" * 50), b"z = 3\n" * 50),
    ("json.tool", "/t.py", 0, code(""), None),
    ("json.tool.deep", "/e.py", 0, code(""), None),
    ("json_x", "json_x.py", COMPILED, b"", b"compiled = 1\n"),
    ("ns", "ns", PACKAGE | NAMESPACE, b"", None),
    ("ns.größe", "ns/größe.py", 0, code(""), None),
    ("text", "text.py", 0, marshal.dumps("no code object"), None),
)


class Reading(unittest.TestCase):
    def setUp(self):
        self.addCleanup(_nb_archive.open, EMPTY)
        _nb_archive.open(GOOD)

    def test_find(self):
        entry = _nb_archive.find("json")
        self.assertEqual((entry.name, entry.is_package, entry.is_namespace), ("json", True, False))
        self.assertEqual(entry.path, "/var/lang/lib/python3.13/json/__init__.py")
        self.assertEqual(_nb_archive.find("json_x").flags, COMPILED | SOURCE_DEFLATED)
        self.assertTrue(_nb_archive.find("ns").is_namespace)
        self.assertEqual(_nb_archive.find("ns.größe").path, "ns/größe.py")
        for absent in ("", "jso", "json.", "json.decoder.x", "zz", "@handler", "\ud800"):
            self.assertIsNone(_nb_archive.find(absent), absent)
        with self.assertRaises(TypeError):
            _nb_archive.find(b"json")

    def test_code(self):
        for name, variable in (("app", "x"), ("json", "y"), ("json.decoder", "z")):
            namespace = {}
            exec(_nb_archive.get_code(name), namespace)
            self.assertIn(variable, namespace)
        for absent in ("nothing", "ns", "json_x", "@handler"):
            with self.assertRaises(ImportError) as caught:
                _nb_archive.get_code(absent)
            self.assertEqual(caught.exception.name, absent)
        with self.assertRaisesRegex(ImportError, "damaged"):
            _nb_archive.get_code("text")

    def test_source(self):
        self.assertEqual(_nb_archive.get_source("app"), b"x = 1\n")
        self.assertEqual(_nb_archive.get_source("json.decoder"), b"z = 3\n" * 50)
        self.assertEqual(_nb_archive.get_source("json_x"), b"compiled = 1\n")
        self.assertIsNone(_nb_archive.get_source("json"))
        self.assertIsNone(_nb_archive.get_source("nothing"))

    def test_listing(self):
        top = [("app", False), ("json", True), ("json_x", False), ("ns", True), ("text", False)]
        self.assertEqual(_nb_archive.children(""), top)
        self.assertEqual(_nb_archive.children("json"), [("decoder", False), ("tool", False)])
        self.assertEqual(_nb_archive.children("ns"), [("größe", False)])
        self.assertEqual(_nb_archive.children("nothing"), [])
        self.assertEqual(len(_nb_archive.names()), 9)
        self.assertEqual(_nb_archive.names()[0], "app")

    def test_build_information(self):
        self.assertEqual(_nb_archive.default_handler(), "app.handler")
        self.assertEqual(_nb_archive.info("version"), "1.0 é")
        self.assertIsNone(_nb_archive.info("nothing"))
        _nb_archive.open(EMPTY)
        self.assertEqual((_nb_archive.default_handler(), _nb_archive.names()), ("", []))

    def test_other_types_are_refused(self):
        calls = (_nb_archive.find, _nb_archive.get_code, _nb_archive.get_source)
        for call in (*calls, _nb_archive.children, _nb_archive.info):
            for name in (5, None, b"app"):
                with self.subTest(call), self.assertRaises(TypeError):
                    call(name)

    def test_damaged_headers(self):
        for data in (b"", b"NBARCH01", GOOD[:-1], b"x" + GOOD[1:], GOOD[:63]):
            with self.assertRaises(ImportError):
                _nb_archive.open(data)
        self.assertEqual(len(_nb_archive.names()), 9)  # the one that is open stays

    def test_damaged_contents(self):
        """Every call ends in an answer or an exception, whatever stands in the archive."""
        source = random.Random(5)
        for _ in range(400):
            data = bytearray(GOOD)
            for _ in range(source.randrange(1, 4)):
                at = source.randrange(64, 64 + 40 * 11 + 300)
                data[at] ^= 1 << source.randrange(8)
            try:
                _nb_archive.open(bytes(data))
            except ImportError:
                continue
            # Marshal data is not checked against damage, here as in every .pyc: code is left alone.
            for call in (
                _nb_archive.find,
                _nb_archive.get_source,
                _nb_archive.children,
                _nb_archive.info,
            ):
                for name in ("app", "json", "json.decoder", "version"):
                    self._ends(call, name)
            self._ends(_nb_archive.names)

    def _ends(self, call, *arguments):
        with contextlib.suppress(ImportError, UnicodeDecodeError, MemoryError):
            call(*arguments)


if __name__ == "__main__":
    unittest.main()
