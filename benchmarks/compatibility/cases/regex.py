"""What re has not: recursion, fuzzy matching, properties, overlapping."""

import regex

EXPECTED = ["(a(b)c)", "helo", ["ab", "bc"], ["Ж", "я"], ["1", "2"]]


def use():
    return [
        regex.search(r"\((?:[^()]|(?R))*\)", "x(a(b)c)y").group(),
        regex.search(r"(?:hello){e<=1}", "say helo", regex.BESTMATCH).group().strip(),
        regex.findall(r"\w\w", "abc", overlapped=True),
        regex.findall(r"\p{Cyrillic}", "aЖbя"),
        regex.match(r"(?:(\d),?)+", "1,2").captures(1),
    ]
