"""A server with a tool, and a client joined to it in memory."""

import asyncio

from mcp import Client
from mcp.server import MCPServer

EXPECTED = ["add", "42", ["a", "b"]]
server = MCPServer("test")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def main():
    async with Client(server) as client:
        (tool,) = (await client.list_tools()).tools
        done = await client.call_tool("add", {"a": 40, "b": 2})
    return [tool.name, done.content[0].text, tool.input_schema["required"]]


def use():
    return asyncio.run(main())
