"""An upload in chunks against a transport of its own."""

import io

import requests
from google.resumable_media.requests import ResumableUpload

EXPECTED = [["bytes 0-262143/300000", "bytes 262144-299999/300000"], True, 300000]


class Transport(requests.Session):
    def __init__(self):
        super().__init__()
        self.ranges = []

    def request(self, method, url, data=None, headers=None, **options):
        response = requests.Response()
        response.status_code = 200
        if method == "POST":
            response.headers["location"] = "http://here/upload"
            return response
        self.ranges.append(headers[next(n for n in headers if n.lower() == "content-range")])
        if not self.ranges[-1].endswith("299999/300000"):
            response.status_code = 308
            response.headers["range"] = "bytes=0-262143"
        response._content = b"{}"
        return response


def use():
    transport = Transport()
    upload = ResumableUpload("http://here/start", 262144)
    upload.initiate(transport, io.BytesIO(b"x" * 300000), {}, "text/plain")
    while not upload.finished:
        upload.transmit_next_chunk(transport)
    return [transport.ranges, upload.finished, upload.bytes_uploaded]
