"""Builds and quotes URLs."""

from yarl import URL

EXPECTED = ["https://example.com/a%20b/%C3%BC?q=1&r=x+y#f", "x y", "https://example.com/c"]


def use():
    url = URL("https://example.com") / "a b" / "ü"
    url = url.with_query(q=1, r="x y").with_fragment("f")
    return [str(url), url.query["r"], str(url.join(URL("/c")))]
