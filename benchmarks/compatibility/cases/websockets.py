"""A server and a client."""

import asyncio

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

EXPECTED = ["HI", 70_000, "speedups"]


async def echo(connection):
    async for message in connection:
        await connection.send(message.upper())


async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as client:
            await client.send("hi")
            said = await client.recv()
            await client.send("x" * 70_000)
            big = len(await client.recv())
    engine = websockets.frames.apply_mask.__module__.rpartition(".")[2]
    return [said, big, engine]


def use():
    return asyncio.run(main())
