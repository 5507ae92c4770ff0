"""Alertmanager's API v2 over what the sandbox's Alertmanager holds: alerts, silences, status; answers as recorded.

``faults`` are what goes wrong with the next requests. Several peers may stand behind the one address, each with
silences of its own: they answer in turn. It refuses what the real one refuses, in its words.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.sandbox.alertmanager import Alertmanager
from bot.sandbox.silence_book import RefusedError, SilenceBook

AGE = timedelta(hours=6)
"""How long it says that it runs: a young one isn't believed when something is missing."""


KINDS = ("drop_after", "drop_before", "hang", "error")
"""It does what was asked and hangs up; it hangs up at once; it waits; it answers with a status."""


@dataclass
class Fault:
    """What goes wrong where the path has ``path`` in it; ``method`` "" is every one, ``times`` None until cleared."""

    method: str
    path: str
    kind: str
    times: int | None = 1
    seconds: float = 1.0
    status: int = 503

    def is_like(self, other: Fault) -> bool:
        """Whether it does the same to the same requests, however often it still does."""
        return replace(self, times=None) == replace(other, times=None)


@dataclass
class AlertmanagerServer:
    """Answers on loopback; ``asked`` are method, path and body of what came."""

    alertmanager: Alertmanager
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    peers: list[SilenceBook] = field(default_factory=list)
    _turn: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens on a free port."""
        app = web.Application(middlewares=[self._faulty])
        app.router.add_get("/api/v2/status", self._status)
        app.router.add_get("/api/v2/alerts", self._alerts)
        app.router.add_get("/api/v2/silences", self._silences)
        app.router.add_post("/api/v2/silences", self._post)
        app.router.add_get("/api/v2/silence/{id}", self._one)
        app.router.add_delete("/api/v2/silence/{id}", self._delete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Closes the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def fault(
        self, kind: str, where: str, *, times: int | None = 1, seconds: float = 1.0, status: int = 503
    ) -> None:  # fmt: skip
        """``where`` is ``post silences``, ``get alerts``: the method, and a part of the path; ``*`` is everything."""
        if kind not in KINDS:
            raise ValueError(f"There is no fault {kind} of Alertmanager's.")
        self.faults.append(Fault(*_place(where), kind, times, seconds, status))

    def is_on(self, kind: str, where: str, *, seconds: float = 1.0, status: int = 503) -> bool:
        """Whether a fault like this one stands."""
        return any(one.is_like(Fault(*_place(where), kind, None, seconds, status)) for one in self.faults)

    def lift(self, kind: str, where: str, *, seconds: float = 1.0, status: int = 503) -> None:
        """Take such faults back; what waits already goes on waiting."""
        like = Fault(*_place(where), kind, None, seconds, status)
        self.faults = [one for one in self.faults if not one.is_like(like)]

    def wrote(self, method: str) -> list[Any]:
        """What came by this method."""
        return [body if body is not None else path for verb, path, body in self.asked if verb == method]

    @web.middleware
    async def _faulty(self, request: web.Request, handler: Any) -> web.StreamResponse:
        body = await request.json() if request.method == "POST" and request.can_read_body else None
        self.asked.append((request.method, request.path, body))
        fault = self._next_fault(request)
        if fault is None:
            return await self._answered(request, handler)
        if fault.kind == "error":
            return web.Response(status=fault.status, text="no endpoints available")
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
            return await self._answered(request, handler)
        if fault.kind == "drop_after":
            await self._answered(request, handler)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)  # nobody hears it

    async def _answered(self, request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            found: web.StreamResponse = await handler(request)
        except RefusedError as error:
            return web.Response(status=error.status) if error.body is None else _json(error.body, error.status)
        return found

    def _next_fault(self, request: web.Request) -> Fault | None:
        for fault in self.faults:
            if fault.method in {"", request.method} and fault.path in request.path:
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                return fault
        return None

    @property
    def _book(self) -> SilenceBook:
        """The silences of the peer whose turn it is."""
        books = [self.alertmanager.silences, *self.peers]
        self._turn += 1
        return books[self._turn % len(books)]

    async def _status(self, _request: web.Request) -> web.Response:
        since = (datetime.now(UTC) - AGE).isoformat()
        cluster = {"name": "sandbox", "peers": [], "status": "ready"}
        return _json({"cluster": cluster, "uptime": since, "versionInfo": {"version": "0.33.1"}})

    async def _alerts(self, _request: web.Request) -> web.Response:
        book = self._book
        return _json([_with(one, book) for one in self.alertmanager.firing()])

    async def _silences(self, _request: web.Request) -> web.Response:
        book = self._book
        return _json([one.told(book.clock()) for one in book.kept.values()])

    async def _post(self, request: web.Request) -> web.Response:
        return _json({"silenceID": self.alertmanager.silences.post(await request.json())})

    async def _one(self, request: web.Request) -> web.Response:
        book = self._book
        one = book.kept.get(request.match_info["id"])
        if one is None:
            raise RefusedError(404, None)
        return _json(one.told(book.clock()))

    async def _delete(self, request: web.Request) -> web.Response:
        self.alertmanager.silences.expire(request.match_info["id"])
        return web.Response()


def _place(where: str) -> tuple[str, str]:
    method, _, path = where.partition(" ")
    return ("", "") if method == "*" else (method.upper(), path)


def _with(alert: dict[str, Any], book: SilenceBook) -> dict[str, Any]:
    """The alert as the API tells it."""
    silenced = book.active(alert["labels"])
    state = "suppressed" if silenced else "active"
    status = {"inhibitedBy": [], "mutedBy": [], "silencedBy": silenced, "state": state}
    times = {"updatedAt": alert["startsAt"], "receivers": [{"name": "fettle"}]}
    return {**{key: value for key, value in alert.items() if key != "status"}, "status": status, **times}


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(body) + "\n", content_type="application/json")
