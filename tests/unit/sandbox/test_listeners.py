"""Whoever is accepted while a server ends is a connection of it, and no socket that nobody closes."""

import asyncio
import gc
import socket

from bot.sandbox.listeners import accept_no_more
from bot.sandbox.slack.server import listening


async def test_who_was_accepted_in_the_last_turn_has_a_connection() -> None:
    """Without it the socket is dropped open, which is an error here (``ResourceWarning``)."""
    made: list[asyncio.BaseTransport] = []

    class Door(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    for late in range(4):
        made.clear()
        with listening() as listener, socket.create_connection(listener.getsockname()):
            server = await asyncio.get_running_loop().create_server(Door, sock=listener.dup())
            for _ in range(late):
                await asyncio.sleep(0)
            await accept_no_more(server.sockets)
            server.close()
            gc.collect()
            for transport in made:
                transport.close()
            await server.wait_closed()


async def test_who_comes_later_waits_for_the_next_server() -> None:
    with listening() as listener:
        first = await asyncio.get_running_loop().create_server(asyncio.Protocol, sock=listener.dup())
        await accept_no_more(first.sockets)
        with socket.create_connection(listener.getsockname()):
            for _ in range(5):
                await asyncio.sleep(0)
            first.close()
            came = asyncio.Event()

            class Door(asyncio.Protocol):
                def connection_made(self, transport: asyncio.BaseTransport) -> None:
                    came.set()
                    transport.close()

            second = await asyncio.get_running_loop().create_server(Door, sock=listener.dup())
            await came.wait()
            second.close()
            await second.wait_closed()
