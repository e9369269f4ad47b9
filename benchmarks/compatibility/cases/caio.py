"""Reads and writes files asynchronously."""

import asyncio
import os
import tempfile

from caio import thread_aio_asyncio

EXPECTED = [5, "hello"]


async def main():
    with tempfile.TemporaryFile() as file:
        number = file.fileno()
        async with thread_aio_asyncio.AsyncioContext() as context:
            written = await context.write(b"hello", number, 0)
            await context.fdsync(number)
            found = await context.read(10, number, 0)
        assert os.fstat(number).st_size == 5
    return [written, found.decode()]


def use():
    return asyncio.run(main())
