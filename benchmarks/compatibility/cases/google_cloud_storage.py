"""An upload to a server on the loopback."""

import http.server
import json
import threading

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

EXPECTED = ["text/plain", True, "bucket/a.txt", "a.txt"]


def use():
    got = []

    class Store(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"name": "a.txt", "bucket": "bucket", "contentType": "text/plain"})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = storage.Client(
            project="p",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://127.0.0.1:{server.server_port}"},
        )
        blob = client.bucket("bucket").blob("a.txt")
        blob.upload_from_string("hello", checksum="crc32c")
        server.shutdown()
    return [
        blob.content_type,
        b"hello" in got[0],
        f"{blob.bucket.name}/{blob.name}",
        blob.path.split("/")[-1],
    ]
