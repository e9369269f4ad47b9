import asyncio


async def load():
    await asyncio.sleep(0)
    return "loaded"


config = asyncio.run(load())


def handler(event, context):
    return {"config": config, "again": asyncio.run(load())}
