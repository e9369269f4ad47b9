"""What is wrong with an event that is not JSON, in the reference client's (simplejson's) words.

Only reached after the C scanner has refused the text, so speed does not matter; the text is walked
once and the first error raised.
"""

from __future__ import annotations

_SPACE = " \t\n\r"
_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")


def explain(text: str) -> None:
    """Raise ValueError for the first error in `text`; return if there is none."""
    start = _skip(text, 1 if text[:1] == "\ufeff" else 0)
    end = _skip(text, _value(text, start))
    if end != len(text):
        raise _error("Extra data", text, end, len(text))


def _error(message: str, text: str, position: int, end: int | None = None) -> ValueError:
    line, column = _where(text, position)
    if end is None:
        return ValueError(f"{message}: line {line} column {column} (char {position})")
    end_line, end_column = _where(text, end)
    return ValueError(
        f"{message}: line {line} column {column} - line {end_line} column {end_column} "
        f"(char {position} - {end})"
    )


def _where(text: str, position: int) -> tuple[int, int]:
    line = text.count("\n", 0, position) + 1
    return line, position + 1 if line == 1 else position - text.rindex("\n", 0, position)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _value(text: str, position: int) -> int:
    first = text[position : position + 1]
    if first == '"':
        return _string(text, position + 1)
    if first == "{":
        return _object(text, position + 1)
    if first == "[":
        return _array(text, position + 1)
    for word in ("null", "true", "false"):
        if text.startswith(word, position):
            return position + len(word)
    return _number(text, position)


def _number(text: str, start: int) -> int:
    position = start + text.startswith("-", start)
    digits = _digits(text, position)
    if digits == position:
        raise _error("Expecting value", text, start)
    if text[position] == "0":
        digits = position + 1
    end, whole = digits, True
    if text.startswith(".", end):
        fraction = _digits(text, end + 1)
        if fraction > end + 1:
            end, whole = fraction, False
    if text[end : end + 1] in ("e", "E"):
        sign = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
        exponent = _digits(text, sign)
        if exponent > sign:
            end, whole = exponent, False
    if whole:
        int(text[start:end])  # raises for more digits than the interpreter allows
    return end


def _digits(text: str, position: int) -> int:
    while position < len(text) and text[position] in _DIGITS:
        position += 1
    return position


def _string(text: str, position: int) -> int:
    begin = position - 1
    while True:
        char = text[position : position + 1]
        if char == '"':
            return position + 1
        if char == "":
            raise _error("Unterminated string starting at", text, begin)
        if char == "\\":
            position = _escape(text, position, begin)
        elif char <= "\x1f":
            raise _error(f"Invalid control character {char!r} at", text, position)
        else:
            position += 1


def _escape(text: str, position: int, begin: int) -> int:
    char = text[position + 1 : position + 2]
    if char == "":
        raise _error("Unterminated string starting at", text, begin)
    if char != "u":
        if char not in '"\\/bfnrt':
            raise _error(f"Invalid \\X escape sequence {char!r}", text, position + 1)
        return position + 2
    code = text[position + 2 : position + 6]
    if len(code) < 4 or not _HEX.issuperset(code):
        raise _error("Invalid \\uXXXX escape sequence", text, position)
    return position + 6


def _object(text: str, position: int) -> int:
    position = _skip(text, position)
    if text.startswith("}", position):
        return position + 1
    if not text.startswith('"', position):
        raise _error("Expecting property name enclosed in double quotes or '}'", text, position)
    while True:
        position = _skip(text, _string(text, position + 1))
        if not text.startswith(":", position):
            raise _error("Expecting ':' delimiter", text, position)
        position = _skip(text, _value(text, _skip(text, position + 1)))
        if text.startswith("}", position):
            return position + 1
        if not text.startswith(",", position):
            raise _error("Expecting ',' delimiter or '}'", text, position)
        comma, position = position, _skip(text, position + 1)
        if text.startswith("}", position):
            raise _error("Illegal trailing comma before end of object", text, comma)
        if not text.startswith('"', position):
            raise _error("Expecting property name enclosed in double quotes", text, position)


def _array(text: str, position: int) -> int:
    position = _skip(text, position)
    if text.startswith("]", position):
        return position + 1
    if position == len(text):
        raise _error("Expecting value or ']'", text, position)
    while True:
        position = _skip(text, _value(text, position))
        if text.startswith("]", position):
            return position + 1
        if not text.startswith(",", position):
            raise _error("Expecting ',' delimiter or ']'", text, position)
        comma, position = position, _skip(text, position + 1)
        if text.startswith("]", position):
            raise _error("Illegal trailing comma before end of array", text, comma)
