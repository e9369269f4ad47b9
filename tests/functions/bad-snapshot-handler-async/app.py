import asyncio


async def handler(event, context):
    await asyncio.sleep(0.001)
    return {"name": await asyncio.to_thread(str, "async"), "event": event}
