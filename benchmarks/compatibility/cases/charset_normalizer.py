"""Guesses an encoding from bytes."""

from charset_normalizer import from_bytes, md

TEXT = "Всеки човек има право на образование. Образованието трябва да бъде безплатно." * 3
EXPECTED = [True, "cyrillic", True]


def use():
    best = from_bytes(TEXT.encode("cp1251")).best()
    return [str(best) == TEXT, best.alphabets[-1].lower()[:8], md.__file__.endswith(".so")]
