"""What comes back from the API server: a status with bytes, read as JSON or as text. It refuses to interpret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.domain.errors import ClusterUnavailableError

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Text:
    """An answer that is no JSON object, whatever its status; ``cut`` if there was more than was asked for."""

    status: int
    text: str
    cut: bool = False


async def at_most(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The beginning of a body; the rest is not read."""
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) >= most:
            answer.close()
            break
    return bytes(body[:most])


def parse(answer: Answer) -> Json:
    """The object in an answer's body."""
    return parse_object(answer.body)


def parse_object(body: bytes) -> Json:
    """One JSON object; raises ``ClusterUnavailableError`` for anything else."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise ClusterUnavailableError("The API server's answer isn't JSON; is the address right?") from error
    if not isinstance(value, dict):
        raise ClusterUnavailableError("The API server's answer isn't an object; is the address right?")
    return value
