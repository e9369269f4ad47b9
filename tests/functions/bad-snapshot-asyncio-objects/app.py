import asyncio

lock = asyncio.Lock()
queue = asyncio.Queue()
number = 0


async def handler(event, context):
    global number
    number += 1
    async with lock:
        for one in range(1, number + 1):
            await queue.put(one)
        items = [await queue.get() for _ in range(queue.qsize())]
    return {"items": items, "locked": lock.locked()}
