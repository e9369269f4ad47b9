"""Who asks for symbols by name, and for which."""

from __future__ import annotations

import ast

import pytest

from build_scripts import lookups
from build_scripts.sources import facts


def read(source):
    return facts.read(ast.parse(source), "m", False)


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        ("import ctypes", True),
        ("from ctypes.util import find_library", True),
        ("def f():\n    from cffi import FFI", True),
        ("try:\n    import _cffi_backend\nexcept ImportError:\n    pass", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ctypes", False),
        ("import struct", False),
        ("import ctypeslib", False),
    ],
)
def test_who_asks(source, asks):
    assert lookups.asks(read(source)) is asks


def test_words_of_code_strings_and_declarations():
    found = lookups.words(
        [
            b"ctypes.pythonapi.PyObject_Repr(x)\n",
            b"getattr(lib, 'gzopen64')\nffi.cdef('''int printf(const char *format, ...);''')",
            "# é sqrt2".encode(),
        ]
    )
    assert {"PyObject_Repr", "gzopen64", "printf", "sqrt2"} <= found
    assert not {name for name in found if not name.isidentifier()}
