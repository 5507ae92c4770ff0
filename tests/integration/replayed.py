"""A server that answers exactly as a real one was captured: a file's status line, headers and body, byte for byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

CAPTURES = Path(__file__).parents[1] / "captures"


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: str


@dataclass
class Replay:
    """Set ``answer`` to a capture (``prometheus/query-vector``) or to raw bytes; ``asked`` is what came.

    ``answers`` are for single paths and go first.
    """

    url: str = ""
    answer: str | bytes = b""
    answers: dict[str, bytes] = field(default_factory=dict)
    delay: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def raw(self, path: str) -> bytes:
        """The answer's bytes."""
        if path in self.answers:
            return self.answers[path]
        return self.answer if isinstance(self.answer, bytes) else captured(self.answer)


def captured(name: str) -> bytes:
    """The HTTP answer in a capture: all behind the line with the command.

    The command that captured it took chunks apart, so such an answer goes out with its length instead.
    """
    _, _, text = (CAPTURES / f"{name}.txt").read_text(encoding="utf-8").partition("\n")
    head, _, body = text.partition("\n\n")
    body = body.rstrip("\n")
    lines = [line for line in head.splitlines() if line.lower() != "transfer-encoding: chunked"]
    lines = [line for line in lines if not line.lower().startswith("content-length")]
    content = body.encode()
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """A made answer for what no capture holds."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@asynccontextmanager
async def replaying(name: str | bytes = b"", tls: ssl.SSLContext | None = None) -> AsyncIterator[Replay]:
    """The server, on loopback, for the length of a block."""
    replay = Replay(answer=name)

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while (asked := await _request(reader)) is not None:
                replay.asked.append(asked)
                await asyncio.sleep(replay.delay)
                writer.write(replay.raw(asked.path))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side hung up
        finally:
            writer.close()
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    replay.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield replay
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines if line)}
    body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
    parts = urlsplit(target)
    return Asked(method, parts.path, parse_qs(parts.query), headers, body)
