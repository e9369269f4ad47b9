"""Parses a request and a URL."""

import httptools

EXPECTED = ["POST", "/a?b=1", [["Host", "x"], ["Content-Length", "2"]], "hi", "1.1", "/p"]


class Seen:
    def __init__(self):
        self.headers, self.body, self.url = [], b"", b""

    def on_url(self, url):
        self.url += url

    def on_header(self, name, value):
        self.headers.append([name.decode(), value.decode()])

    def on_body(self, body):
        self.body += body


def use():
    seen = Seen()
    parser = httptools.HttpRequestParser(seen)
    data = b"POST /a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    for start in range(0, len(data), 7):
        parser.feed_data(data[start : start + 7])
    path = httptools.parse_url(b"http://h:1/p?q").path.decode()
    method = parser.get_method().decode()
    return [
        method,
        seen.url.decode(),
        seen.headers,
        seen.body.decode(),
        parser.get_http_version(),
        path,
    ]
