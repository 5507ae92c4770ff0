"""A way to a server that breaks when told: after so many bytes, without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cutter:
    """Hands bytes on to a port of this machine. ``cuts`` holds how many bytes each next broken connection lets up."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self.cuts: list[int] = []
        self.lose_answers = 0
        self.connections = 0
        self.broken = 0
        self._open: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._one, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Ends what is open."""
        assert self._server is not None
        self._server.close()
        for one in list(self._open):
            one.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0.05)  # what was aborted is closed in the loop's next turns

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        down: asyncio.StreamWriter | None = None
        try:
            up, down = await asyncio.open_connection("127.0.0.1", self._port)
            ways = [asyncio.create_task(self._up(reader, down)), asyncio.create_task(self._down(up, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            for one in (writer, down):
                if one is not None:
                    one.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, down: asyncio.StreamWriter) -> None:
        left: int | None = None
        while part := await reader.read(65_536):
            if self.cuts and len(part) >= 60_000 and left is None:  # a body, no question
                left = self.cuts.pop(0)
            if left is not None:
                part, left = part[:left], left - len(part)
            down.write(part)
            await down.drain()
            if left is not None and left <= 0:
                await asyncio.sleep(0.2)  # what was sent arrives
                self.broken += 1
                return

    async def _down(self, up: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await up.read(65_536):
            if self.lose_answers and b"HTTP/1.1 200" in part and b"100-continue" not in part:
                self.lose_answers -= 1
                self.broken += 1
                return
            writer.write(part)
            await writer.drain()


@asynccontextmanager
async def cutter(port: int) -> AsyncIterator[Cutter]:
    one = Cutter(port)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
