"""Its protocol's types, and an answer of a server that speaks its first words."""

import asyncio

import asyncpg
from asyncpg.pgproto import pgproto

EXPECTED = ["00000000-0000-0000-0000-000000000007", "[1, 5)", "28P01", "refused"]
ERROR = b"SFATAL\0VFATAL\0C28P01\0Mwrong password\0\0"


async def deny(reader, writer):
    await reader.read(1000)
    writer.write(b"E" + (len(ERROR) + 4).to_bytes(4, "big") + ERROR)
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(deny, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    where = {"user": "u", "password": "p", "database": "d", "ssl": False, "timeout": 10}
    try:
        await asyncpg.connect(host="127.0.0.1", port=port, **where)
    except asyncpg.InvalidPasswordError as error:
        code = error.sqlstate
    server.close()
    try:
        await asyncpg.connect(host="127.0.0.1", port=1, **where)
    except OSError:
        last = "refused"
    interval = asyncpg.Range(1, 5)
    text = f"[{interval.lower}, {interval.upper})" if not interval.upper_inc else "?"
    return [str(pgproto.UUID("0" * 31 + "7")), text, code, last]


def use():
    return asyncio.run(main())
