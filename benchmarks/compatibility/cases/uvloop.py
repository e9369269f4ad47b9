"""An echo server, timers and a child process."""

import asyncio

import uvloop

EXPECTED = ["uvloop", "hello", 3, "out"]


async def echo(reader, writer):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\n")
    line = (await reader.readline()).decode().strip()
    writer.close()
    server.close()
    done = await asyncio.gather(*(asyncio.sleep(0.01, 1) for _ in range(3)))
    child = await asyncio.create_subprocess_exec("/bin/echo", "out", stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    name = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    return [name, line, sum(done), out.decode().strip()]


def use():
    return uvloop.run(main())
