"""A request with credentials, answered by a transport of its own."""

import google_auth_httplib2
import httplib2
from google.auth.credentials import Credentials

EXPECTED = ["Bearer fresh", 200, "hello"]


class Refreshing(Credentials):
    def refresh(self, request):
        self.token = "fresh"


class Transport(httplib2.Http):
    def request(self, uri, method="GET", body=None, headers=None, **options):
        self.seen = {name.lower(): value for name, value in headers.items()}
        return httplib2.Response({"status": "200"}), b"hello"


def use():
    transport = Transport()
    http = google_auth_httplib2.AuthorizedHttp(Refreshing(), http=transport)
    response, body = http.request("http://here/")
    return [transport.seen["authorization"], response.status, body.decode()]
