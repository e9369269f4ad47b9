"""Cleans HTML."""

import nh3

EXPECTED = ['<b><img src="/x"></b>', '<a href="/y" rel="noopener noreferrer">z</a>', "a b"]


def use():
    return [
        nh3.clean('<b><img src="/x" onerror="alert(1)"></b><script>alert(2)</script>'),
        nh3.clean('<a href="/y" onclick="x">z</a>'),
        nh3.clean("<i>a</i> <u>b</u>", tags=set()),
    ]
