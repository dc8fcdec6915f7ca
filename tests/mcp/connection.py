"""A client of the official Python SDK, and the server that it talks to."""

from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters

import server

# How a client finds out what the server speaks, and what they agree on.
ERAS = {"legacy": "2025-11-25", "auto": "2026-07-28"}


class Connection:
    """A client, and what it was told besides answers."""

    def __init__(self, era, folder):
        self.era, self.folder = era, folder
        self.logs, self.changes = [], 0
        self.pid = self.client = None
        self.changed = anyio.Event()

    async def on_log(self, message):
        self.logs.append(message)

    async def on_message(self, message):
        if isinstance(message, types.ToolListChangedNotification):
            self.on_change()

    def on_change(self):
        self.changes += 1
        self.changed.set()
        self.changed = anyio.Event()

    async def names(self):
        return sorted(tool.name for tool in (await self.client.list_tools()).tools)

    async def call(self, name, arguments, **options):
        return await self.client.call_tool(name, arguments, **options)

    async def wait_for_change(self, act):
        """Does something to the folder, and waits until the client is told of it."""
        before = self.changes
        act()
        with anyio.fail_after(10):
            while self.changes == before:
                await self.changed.wait()


@asynccontextmanager
async def connected(transport, era, fuel=server.FUEL):
    """A client of a server of its own."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(server.tools())
        connection = Connection(era, folder)
        if transport == "stdio":
            target = StdioServerParameters(command=server.BELLJAR, args=server.arguments(folder, fuel))
        else:
            process, target = stack.enter_context(server.listening(folder, fuel=fuel))
            connection.pid = process.pid
        client = Client(
            target, mode=era, cache=None, log_level="debug", read_timeout_seconds=20,
            logging_callback=connection.on_log, message_handler=connection.on_message,
        )
        connection.client = await stack.enter_async_context(client)
        connection.pid = connection.pid or server.child()
        yield connection


def text(result):
    """All that a model is given to read."""
    return "\n".join(block.text for block in result.content)
