"""Coroutine handlers, which the reference client cannot run."""

import asyncio

loops = []


async def handler(event, context):
    await asyncio.sleep(0)
    loops.append(id(asyncio.get_running_loop()))
    return {"event": event, "loops": len(set(loops))}


async def fails(event, context):
    await asyncio.sleep(0)
    await deeper()


async def deeper():
    raise ValueError("in a coroutine")
