"""How these tests speak to the server: recorded exchanges, and a client that adds nothing."""

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.sandbox.kubernetes.server import ClusterServer

CAPTURES = Path(__file__).parents[2] / "captures" / "k8s"
READY_AFTER = 0.15


def capture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Got:
    """One answer: its status, headers, and the body as JSON or text."""

    status: int
    headers: Any
    body: Any


class Api:
    """A plain HTTPS client of the server; `as_` is admin, bot, or a raw Authorization header."""

    def __init__(self, server: ClusterServer, session: aiohttp.ClientSession) -> None:
        self.server, self.session = server, session
        self.tls = ssl.create_default_context(cadata=server.ca_pem)

    def _authorization(self, as_: str) -> str:
        tokens = {"admin": self.server.admin_token, "bot": self.server.bot_token}
        return f"Bearer {tokens[as_]}" if as_ in tokens else as_

    async def __call__(
        self, method: str, path: str, body: Any = None, *, as_: str = "admin", kind: str = "", **headers: str
    ) -> Got:
        """One request; `kind` is its content type."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if as_:
            sent["Authorization"] = self._authorization(as_)
        if body is not None:
            sent["Content-Type"] = kind or "application/json"
        data = body if isinstance(body, str | None) else json.dumps(body)
        url = f"{self.server.url}{path}"
        async with self.session.request(method, url, data=data, headers=sent, ssl=self.tls) as answer:
            text = await answer.text()
            form = answer.headers.get("Content-Type", "")
            several = "watch=1" in path and answer.status == 200  # an event a line
            parsed = json.loads(text) if "json" in form and text and not several else text
            return Got(answer.status, answer.headers, parsed)

    async def watch(self, path: str, **query: str) -> list[dict[str, Any]]:
        """All events of a watch that ends by its own timeoutSeconds."""
        sent = {"Authorization": self._authorization("admin")}
        params = {"watch": "1", **query}
        url = f"{self.server.url}{path}"
        async with self.session.get(url, params=params, headers=sent, ssl=self.tls) as answer:
            assert answer.status == 200, await answer.text()
            return [json.loads(line) async for line in answer.content]
