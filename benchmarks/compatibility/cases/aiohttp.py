"""A server and a client with JSON, a web socket and a stream."""

import asyncio

import aiohttp
from aiohttp import web

EXPECTED = [{"got": {"a": 1}}, "echo: hi", 100_000, "aiohttp._http_parser"]


async def answer(request):
    return web.json_response({"got": await request.json()})


async def talk(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str("echo: " + (await socket.receive_str()))
    await socket.close()
    return socket


async def main():
    app = web.Application()
    app.add_routes([web.post("/", answer), web.get("/ws", talk)])
    app.add_routes([web.get("/big", lambda _: asyncio.sleep(0, web.Response(body=b"x" * 100_000)))])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        async with session.post("/", json={"a": 1}) as response:
            got = await response.json()
        async with session.ws_connect("/ws") as socket:
            await socket.send_str("hi")
            said = await socket.receive_str()
        async with session.get("/big") as response:
            big = len(await response.read())
    await runner.cleanup()
    return [got, said, big, aiohttp.http_parser.HttpRequestParser.__module__]


def use():
    return asyncio.run(main())
