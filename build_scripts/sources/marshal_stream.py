"""Canonical marshal streams: the same code gives the same bytes in every process.

``marshal.dumps`` sets FLAG_REF on every object whose reference count is above one, which depends on
what else the process holds (Python/marshal.c, w_ref), and orders frozensets by bytes that contain
that flag. Here a stream is read into a tree and written again: FLAG_REF stands only on objects that
are referred to later, references are renumbered, frozensets are sorted by their own content. As
``marshal.loads`` then keeps fewer references, loading gets a little faster too.

Format: version 4 (CPython 3.8 to 3.13).
"""

from __future__ import annotations

import struct
from typing import Final

FLAG_REF: Final = 0x80
SIZES: Final = {ord("i"): 4, ord("I"): 8, ord("g"): 8, ord("y"): 16, ord("r"): 4}
SINGLE: Final = frozenset(b"0NFTS.")
SHORT: Final = frozenset(b"zZ")  # one length byte
LONG: Final = frozenset(b"stuaA")  # four length bytes
SEQUENCES: Final = frozenset(b"([<>")
CODE: Final = ord("c")
CODE_INTS: Final = 5  # argcount, posonlyargcount, kwonlyargcount, stacksize, flags
CODE_OBJECTS: Final = 8  # code, consts, names, localsplusnames, localspluskinds, filename, name, …
CODE_TAIL: Final = 2  # linetable, exceptiontable, after firstlineno


class _Node:
    """One object: its type, its bytes without children, its children, how often it is used."""

    __slots__ = ("children", "data", "kind", "tail", "uses")

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.data = b""
        self.tail = b""  # of a code object: firstlineno
        self.children: list[_Node] = []
        self.uses = 1


class _Parser:
    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.position = 0
        self.refs: list[_Node] = []

    def take(self, size: int) -> bytes:
        start = self.position
        self.position = end = start + size
        if end > len(self.stream):
            raise ValueError("marshal data too short")
        return self.stream[start:end]

    def node(self) -> _Node:
        byte = self.stream[self.position]
        self.position += 1
        kind = byte & ~FLAG_REF
        if kind == ord("r"):
            found = self.refs[int.from_bytes(self.take(4), "little")]
            found.uses += 1
            return found
        made = _Node(kind)
        if byte & FLAG_REF:
            self.refs.append(made)  # before the children, as r_ref_reserve does
        if kind not in SINGLE:
            self.fill(made, kind)
        return made

    def fill(self, made: _Node, kind: int) -> None:
        if kind in SIZES:
            made.data = self.take(SIZES[kind])
        elif kind in SHORT:
            length = self.take(1)
            made.data = length + self.take(length[0])
        elif kind in LONG:
            length = self.take(4)
            made.data = length + self.take(struct.unpack("<I", length)[0])
        elif kind == ord("l"):
            length = self.take(4)
            made.data = length + self.take(2 * abs(struct.unpack("<i", length)[0]))
        elif kind == ord(")"):
            made.data = self.take(1)
            made.children = [self.node() for _ in range(made.data[0])]
        elif kind in SEQUENCES:
            made.data = self.take(4)
            made.children = [self.node() for _ in range(struct.unpack("<I", made.data)[0])]
        elif kind == CODE:
            made.data = self.take(4 * CODE_INTS)
            made.children = [self.node() for _ in range(CODE_OBJECTS)]
            made.tail = self.take(4)
            made.children += [self.node() for _ in range(CODE_TAIL)]
        else:
            raise ValueError(f"unknown marshal type {chr(kind)!r} at {self.position - 1}")


class _Writer:
    def __init__(self) -> None:
        self.out = bytearray()
        self.numbers: dict[int, int] = {}

    def write(self, node: _Node) -> None:
        known = self.numbers.get(id(node))
        if known is not None:
            self.out += b"r" + struct.pack("<I", known)
            return
        if node.uses > 1:
            self.numbers[id(node)] = len(self.numbers)
            self.out.append(node.kind | FLAG_REF)
        else:
            self.out.append(node.kind)
        self.out += node.data
        if node.kind == CODE:
            for child in node.children[:CODE_OBJECTS]:
                self.write(child)
            self.out += node.tail
            for child in node.children[CODE_OBJECTS:]:
                self.write(child)
            return
        children = node.children
        if node.kind in b"<>":
            children = sorted(children, key=_content)
        for child in children:
            self.write(child)


def _content(node: _Node) -> bytes:
    """The bytes of ``node`` on their own, whoever else uses it."""
    data = bytes([node.kind]) + node.data + node.tail
    children = [_content(child) for child in node.children]
    if node.kind in b"<>":
        children.sort()
    return data + b"".join(children)


def canonical(stream: bytes) -> bytes:
    """``stream`` (from ``marshal.dumps``) in its one canonical form.

    An unused FLAG_REF is dropped; a stream may still differ from another one of an equal object
    when its writer did not share equal strings: CPython's compiler always does so within a module.
    """
    parser = _Parser(stream)
    root = parser.node()
    if parser.position != len(stream):
        raise ValueError("bytes after the end of the marshalled object")
    writer = _Writer()
    writer.write(root)
    return bytes(writer.out)
