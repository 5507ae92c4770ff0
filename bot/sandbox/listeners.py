"""The end of a listening socket that others may still be connecting to.

asyncio's server forgets whoever it accepted in the very turn of the loop in which it is closed: that socket is nobody's
then, and stays open. It refuses to end connections that are made; their server does.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.trsock import TransportSocket
from collections.abc import Iterable

TURNS = 3
"""Of the loop, until whoever was accepted is a connection: its task begins in the next one."""


async def accept_no_more(listeners: Iterable[socket.socket | TransportSocket]) -> None:
    """Nobody is accepted here from now on, and whoever was has a connection; who comes later waits in the backlog."""
    loop = asyncio.get_running_loop()
    for one in listeners:
        loop.remove_reader(one.fileno())
    for _ in range(TURNS):
        await asyncio.sleep(0)
