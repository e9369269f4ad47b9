"""A session against a server on the loopback, and the guessed encoding."""

import http.server
import threading

import requests

EXPECTED = [{"path": "/a?b=1"}, 404, True, "refused"]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path != "/none"
        body = b'{"path": "%s"}' % self.path.encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def use():
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with requests.Session() as session:
            found = session.get(url + "/a", params={"b": 1}, timeout=10)
            missing = session.get(url + "/none", timeout=10)
        server.shutdown()
    try:
        requests.get("http://127.0.0.1:1/", timeout=5)
        last = "accepted"
    except requests.ConnectionError:
        last = "refused"
    return [found.json(), missing.status_code, missing.apparent_encoding is not None, last]
