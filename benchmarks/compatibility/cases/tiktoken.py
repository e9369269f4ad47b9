"""Byte pairs of a small vocabulary of its own."""

import tiktoken

RANKS = {bytes([byte]): byte for byte in range(256)} | {b"lo": 256, b"low": 257}
EXPECTED = [[257, 101, 114, 32, 256], "lowlo", [258]]


def use():
    encoding = tiktoken.Encoding(
        "small", pat_str=r"\w+|\s+", mergeable_ranks=RANKS, special_tokens={"<end>": 258}
    )
    special = encoding.encode("<end>", allowed_special={"<end>"})
    return [encoding.encode("lower lo"), encoding.decode([257, 256]), special]
