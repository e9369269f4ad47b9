"""A server and a client, web sockets with the compiled mask."""

import asyncio

from tornado import speedups, web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

EXPECTED = ["hello you", 404, "020304"]


class Main(web.RequestHandler):
    def get(self):
        self.write("hello " + self.get_argument("who"))


async def main():
    (socket,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(web.Application([("/", Main)]))
    server.add_sockets([socket])
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    client = AsyncHTTPClient()
    fine = await client.fetch(url + "/?who=you")
    missing = await client.fetch(url + "/none", raise_error=False)
    server.stop()
    mask = speedups.websocket_mask(b"\1\1\1\1", b"\3\2\5")
    return [fine.body.decode(), missing.code, mask.hex()]


def use():
    return asyncio.run(main())
