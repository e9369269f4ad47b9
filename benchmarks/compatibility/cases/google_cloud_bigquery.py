"""A query's rows, asked of a session of its own."""

import json

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

EXPECTED = [[["ada", 7]], "STRING", "INT64"]
ANSWER = {
    "jobComplete": True,
    "jobReference": {"projectId": "p", "jobId": "j", "location": "l"},
    "schema": {"fields": [{"name": "name", "type": "STRING"}, {"name": "n", "type": "INTEGER"}]},
    "rows": [{"f": [{"v": "ada"}, {"v": "7"}]}],
    "totalRows": "1",
}


class Session(requests.Session):
    is_mtls = False

    def request(self, method, url, **options):
        response = requests.Response()
        response.status_code = 200
        response._content = json.dumps(ANSWER).encode()
        return response


def use():
    client = bigquery.Client("p", credentials=AnonymousCredentials(), _http=Session())
    rows = client.query_and_wait("SELECT 1")
    parameter = bigquery.ScalarQueryParameter("x", "INT64", 7).to_api_repr()
    found = [list(row.values()) for row in rows]
    return [found, rows.schema[0].field_type, parameter["parameterType"]["type"]]
