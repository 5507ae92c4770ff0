"""One command in one container, over the API server's WebSocket: its output in pieces, its exit code at the end.

A command is an argv that the caller fixed; nothing here makes a shell of it. It is sent once and never repeated: once
the server has taken it, a broken connection says nothing about how it ended. Whether the pod is still the one that was
meant is looked at before and after by whoever calls: the API takes no uid here. Only ``bot.mitigations`` imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.domain.errors import (
    ClusterUnavailableError,
    FettleError,
    ForbiddenError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
)
from bot.domain.redaction import redact
from bot.kube.client import Cluster
from bot.kube.errors import connection_error, missing_right, status_error

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDOUT, STDERR, ERROR = 1, 2, 3
MOST_STDERR = 4096
MOST_SAID = 300


@dataclass(frozen=True)
class Place:
    """Where a command runs; ``execution`` goes into the User-Agent, so that the cluster's audit log joins ours."""

    namespace: str
    pod: str
    container: str
    execution: str = ""


async def stream(
    cluster: Cluster, place: Place, argv: Sequence[str], *, within: float, what: str
) -> AsyncGenerator[bytes, None]:
    """What the command writes to stdout, piece by piece; ends when it ended with 0.

    ``within`` seconds from the first byte sent to the exit code; a reader that is slow stops the command's writing.
    Raises ``RejectedError`` for another code (its ``code`` is ``exit 1``) and where it could not be started,
    ``OutcomeUnknownError`` where the connection broke or the time was over while it ran; before that
    ``ForbiddenError``, ``NotFoundError`` and ``ClusterUnavailableError``, and then nothing ran.
    """
    ended = _Ended(what)
    loop = asyncio.get_running_loop()
    began = False
    try:
        async with cluster.socket(
            f"/api/v1/namespaces/{place.namespace}/pods/{place.pod}/exec",
            [
                ("container", place.container),
                ("stdout", "true"),
                ("stderr", "true"),
                *(("command", one) for one in argv),
            ],
            PROTOCOLS,
            f"{cluster.user_agent} {place.execution}".strip(),
        ) as socket:
            began = True
            end = loop.time() + within
            while not ended.told:
                async with asyncio.timeout(max(0.0, end - loop.time())):
                    message = await socket.receive()
                if message.type is not aiohttp.WSMsgType.BINARY:
                    break
                paused = loop.time()
                if piece := ended.take(message.data):
                    yield piece
                end += loop.time() - paused  # the store's time isn't the command's
    except aiohttp.WSServerHandshakeError as error:
        raise _refused(place, error.status) from error
    except TimeoutError as error:
        if began:
            raise OutcomeUnknownError(f"{what} didn't end within {within:g} s; it may still run.") from error
        raise connection_error(error, acts=False) from error
    except (aiohttp.ClientError, OSError) as error:
        if began:
            raise OutcomeUnknownError(f"The connection broke while {what} ran.") from error
        raise connection_error(error, acts=False) from error
    ended.judge()


async def output(cluster: Cluster, place: Place, argv: Sequence[str], *, within: float, what: str, most: int) -> bytes:
    """All that it writes to stdout, ``most`` bytes of it; more is ``RejectedError``. Raises as ``stream``."""
    parts = bytearray()
    async with contextlib.aclosing(stream(cluster, place, argv, within=within, what=what)) as pieces:
        async for piece in pieces:
            parts += piece
            if len(parts) > most:
                raise RejectedError(f"{what} wrote more than {most // 1024} KiB.", "size")
    return bytes(parts)


class _Ended:
    """What came on the other channels: the tail of stderr, and the status that ends it all."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._stderr = bytearray()
        self._status: dict[str, Any] | None = None
        self.told = False

    def take(self, frame: bytes) -> bytes:
        """The part of a frame that is stdout."""
        channel, data = (frame[0], frame[1:]) if frame else (STDERR, b"")
        if channel == STDOUT:
            return data
        if channel == STDERR:
            self._stderr = (self._stderr + data)[-MOST_STDERR:]
        if channel == ERROR and data:
            self.told = True
            try:
                found = json.loads(data)
            except ValueError:
                found = None
            self._status = found if isinstance(found, dict) else None
        return b""

    def judge(self) -> None:
        """Returns for exit code 0 alone."""
        if self._status is None:
            raise OutcomeUnknownError(f"The connection ended before {self._what} told how it ended.")
        if self._status.get("status") == "Success":
            return
        said = redact(" ".join(self._stderr.decode(errors="replace").split())[-MOST_SAID:])
        code = _exit_code(self._status)
        if code is not None:
            raise RejectedError(f"{self._what} ended with {code}{f': {said}' if said else ''}.", f"exit {code}")
        message = redact(str(self._status.get("message", "")))[:MOST_SAID]
        raise RejectedError(f"{self._what} could not be started: {message or 'no reason given'}", "exec")


def _exit_code(status: dict[str, Any]) -> int | None:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else ():
        if isinstance(cause, dict) and cause.get("reason") == "ExitCode" and str(cause.get("message")).isdecimal():
            return int(str(cause["message"]))
    return None


def _refused(place: Place, status: int) -> FettleError:
    """The WebSocket was not opened, so nothing ran; the client gives no body."""
    if status == 403:
        return ForbiddenError(missing_right("create", "pods/exec", "", place.namespace))
    if status == 404:
        return NotFoundError(f"Pod {place.namespace}/{place.pod} isn't there any more.")
    if status == 400:
        return RejectedError(f"Container {place.container} of {place.pod} isn't running, so nothing runs in it.", "400")
    if status >= 500:
        return ClusterUnavailableError(f"The API server reached no kubelet for {place.pod} ({status}).")
    path = f"/api/v1/namespaces/{place.namespace}/pods/{place.pod}/exec"
    return status_error("GET", path, status, b"", {}, acts=False)
