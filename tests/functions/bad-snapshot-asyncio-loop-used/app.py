import asyncio

loop = asyncio.new_event_loop()


async def work():
    await asyncio.sleep(0.001)
    return 3


ready = loop.run_until_complete(work())


def handler(event, context):
    return {"value": loop.run_until_complete(work()) + ready}
