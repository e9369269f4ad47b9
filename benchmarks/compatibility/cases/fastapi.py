"""An application called through ASGI, with validation and its schema."""

import asyncio
import json

from fastapi import Depends, FastAPI
from pydantic import BaseModel

EXPECTED = [[200, {"name": "x", "twice": 14}], 422, "/items/{number}"]
app = FastAPI()


class Item(BaseModel):
    name: str


@app.post("/items/{number}")
async def make(number: int, item: Item, factor: int = Depends(lambda: 2)):
    return {"name": item.name, "twice": number * factor}


async def call(path, body):
    sent = []

    async def receive():
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("here", 80),
        "client": ("there", 1),
        "root_path": "",
        "asgi": {"version": "3.0"},
    }
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


def use():
    fine = asyncio.run(call("/items/7", {"name": "x"}))
    wrong = asyncio.run(call("/items/seven", {"name": "x"}))
    return [list(fine), wrong[0], next(iter(app.openapi()["paths"]))]
