"""Guesses an encoding."""

import chardet

EXPECTED = [True, "utf-8"]


def use():
    text = "Все люди рождаются свободными и равными в своем достоинстве и правах. " * 5
    guess = chardet.detect(text.encode("koi8-r"))["encoding"]
    return [
        text.encode("koi8-r").decode(guess) == text,
        chardet.detect(text.encode())["encoding"].lower(),
    ]
