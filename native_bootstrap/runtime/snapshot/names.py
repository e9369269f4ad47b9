"""Patterns of environment variables' names.

ANY at the end of a name stands for all that begin so, ANY_CASE before it (it is in small letters
then) for that name in whatever case.
"""

from __future__ import annotations

ANY = "*"
ANY_CASE = "~"


def is_pattern(name: str) -> bool:
    return name.startswith(ANY_CASE) or name.endswith(ANY)


def matches(pattern: str, name: str) -> bool:
    if pattern.startswith(ANY_CASE):
        pattern, name = pattern.removeprefix(ANY_CASE), name.lower()
    if pattern.endswith(ANY):
        return name.startswith(pattern.removesuffix(ANY))
    return name == pattern
