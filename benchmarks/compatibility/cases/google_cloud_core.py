"""A client, and a connection that asks a session of its own."""

import json

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import _helpers
from google.cloud._http import JSONConnection
from google.cloud.client import ClientWithProject

EXPECTED = [{"fine": True}, "p", "2026-01-01T00:00:00.000000Z"]


class Session(requests.Session):
    def request(self, method, url, **options):
        response = requests.Response()
        response.status_code = 200
        response._content = json.dumps({"fine": "/v1/x" in url}).encode()
        return response


class Connection(JSONConnection):
    API_BASE_URL = "http://here"
    API_VERSION = "v1"
    API_URL_TEMPLATE = "{api_base_url}/{api_version}{path}"


class Client(ClientWithProject):
    SCOPE = ("scope",)


def use():
    import datetime

    client = Client(project="p", credentials=AnonymousCredentials(), _http=Session())
    found = Connection(client).api_request("GET", "/x")
    day = _helpers._datetime_to_rfc3339(datetime.datetime(2026, 1, 1))
    return [found, client.project, day]
