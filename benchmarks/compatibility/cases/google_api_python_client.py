"""A service built from its description, and a request."""

from googleapiclient.discovery import build
from googleapiclient.http import HttpMock

EXPECTED = ["drive", {"files": []}, "https://www.googleapis.com/drive/v3/files?q=x&alt=json"]


class Answer(HttpMock):
    def request(self, uri, *args, **options):
        from httplib2 import Response

        return Response({"status": "200"}), b'{"files": []}'


def use():
    service = build("drive", "v3", http=Answer(), static_discovery=True)
    request = service.files().list(q="x")
    return [service._baseUrl.rstrip("/").split("/")[-2], request.execute(), request.uri]
