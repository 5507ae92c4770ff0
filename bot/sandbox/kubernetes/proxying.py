"""``pods/proxy``: a GET handed on to what listens for a pod's port, and its answer handed back as it came.

It refuses any other method, and reaches nothing but loopback.
"""

from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from bot.sandbox.kubernetes import status
from bot.sandbox.kubernetes.pages import Plain
from bot.sandbox.kubernetes.status import StatusError, failure
from bot.sandbox.kubernetes.wire import Json, dig

_WITHIN = 10.0


@dataclass
class Proxying:
    """Who listens: (pod's name, port) to a port of this machine. What it was asked stands in the server's log."""

    listening: dict[tuple[str, int], int] = field(default_factory=dict)
    _serving: list[web.AppRunner] = field(default_factory=list)

    async def serve(self, app: web.Application) -> int:
        """Serve this on loopback until the end; its port."""
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._serving.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """End what is served."""
        while self._serving:
            await self._serving.pop().cleanup()

    async def get(self, pod: Json, port: str, tail: str, query: str) -> Plain:
        """The answer of the pod's port, whatever its status; 503 where nobody listens, as the real server has it."""
        name = pod["metadata"]["name"]
        number = int(port) if port.isdecimal() else 80
        at = self.listening.get((name, number))
        if at is None:
            address = f"{dig(pod, 'status', 'podIP', default='')}:{number}"
            raise _unreachable(f"dial tcp {address}: connect: connection refused")
        url = f"http://127.0.0.1:{at}/{tail}{f'?{query}' if query else ''}"
        limit = aiohttp.ClientTimeout(total=_WITHIN)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.get(url, allow_redirects=False) as answer,
            ):
                body = await answer.read()
                return Plain(answer.status, body, answer.headers.get("Content-Type", "text/plain"))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(f"read tcp 127.0.0.1:{at}: {type(error).__name__}") from error


def split(name: str) -> tuple[str, str]:
    """Pod and port of ``api-1:6060``; 400 for what has a scheme, which isn't emulated."""
    parts = name.split(":")
    if len(parts) > 2:
        raise status.bad_request(f"invalid pod request {name!r}")
    return parts[0], parts[1] if len(parts) == 2 else ""


def _unreachable(why: str) -> StatusError:
    return StatusError(failure(503, "ServiceUnavailable", f"error trying to reach service: {why}"))
