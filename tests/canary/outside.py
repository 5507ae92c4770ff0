"""Systems around the bot that tell it secrets: a Prometheus, a Loki and a PagerDuty that answer with canaries.

The Prometheus and the Loki quote the credentials that they were asked with in their errors, as proxies before them do.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from .places import Canaries


@dataclass
class Outside:
    """Where they listen, and what PagerDuty was sent."""

    canaries: Canaries
    url: str = ""
    paged: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    failing: bool = False

    def settings(self) -> Mapping[str, str]:
        """What the bot is told about them, each with a secret of its own."""
        core = self.canaries.core
        return {
            "PROMETHEUS_URL": f"{self.url}/prometheus",
            "PROMETHEUS_BASIC": f"fettle:{core('PROMETHEUS_BASIC')}",
            "LOKI_URL": f"{self.url}/loki",
            "LOKI_TOKEN": core("LOKI_TOKEN"),
            "PAGERDUTY_URL": f"{self.url}/pagerduty",
            "PAGERDUTY_SERVICES": f"shop={core('PAGERDUTY')}",
        }

    def refused(self, request: web.Request) -> web.Response:
        """An error as a careless proxy words it."""
        told = f"refused: {self.canaries.all('error of a source')} {dict(request.headers)} {request.query_string}"
        return web.Response(status=400, text=told)

    async def series(self, request: web.Request) -> web.Response:
        """Series whose labels hold secrets."""
        self.asked.append(request.path)
        if self.failing:
            return self.refused(request)
        labels = {
            "pod": "api-1",
            "db_password": self.canaries.text("label of a series", "bare"),
            "url": self.canaries.text("url in a series", "address"),
        }
        now = int(time.time())
        values = [[now - 60 * ago, str(40 + ago)] for ago in range(30, -1, -1)]
        matrix = "query_range" in request.path
        row = {"metric": labels, "values": values} if matrix else {"metric": labels, "value": [now, "41"]}
        data = {"resultType": "matrix" if matrix else "vector", "result": [row]}
        return web.json_response({"status": "success", "data": data})

    async def lines(self, request: web.Request) -> web.Response:
        """Lines of a log, or their number."""
        self.asked.append(request.path)
        if self.failing:
            return self.refused(request)
        form = dict(await request.post()) if request.method == "POST" else {}
        query = str({**request.query, **form}.get("query", ""))
        now = time.time_ns()
        stream = {"pod": "api-1", "namespace": "shop", "token": self.canaries.text("label of a stream", "bare")}
        if "count_over_time" in query:
            row = {"metric": {"pod": "api-1", "password": self.canaries.text("label of a count", "bare")}}
            if request.path.endswith("query_range"):
                data = {"resultType": "matrix", "result": [{**row, "values": [[now // 10**9, "7"]]}]}
            else:
                data = {"resultType": "vector", "result": [{**row, "value": [now // 10**9, "7"]}]}
            return web.json_response({"status": "success", "data": data})
        told = f"ERROR login failed: {self.canaries.all('line in Loki')}"
        values = [[str(now - 10**9 * ago), told] for ago in (30, 20, 10)]
        data = {"resultType": "streams", "result": [{"stream": stream, "values": values}]}
        return web.json_response({"status": "success", "data": data})

    async def page(self, request: web.Request) -> web.Response:
        """Takes an event, without the key that lets it in."""
        body = await request.json()
        self.paged.append(str({key: value for key, value in body.items() if key != "routing_key"}))
        return web.json_response({"status": "success", "dedup_key": "x"}, status=202)


@asynccontextmanager
async def outside(canaries: Canaries) -> AsyncIterator[Outside]:
    """They listen on one port of loopback."""
    told = Outside(canaries)
    app = web.Application()
    routes: tuple[tuple[str, Callable[[web.Request], object]], ...] = (
        ("/prometheus/{rest:.*}", told.series),
        ("/loki/{rest:.*}", told.lines),
        ("/pagerduty/{rest:.*}", told.page),
    )
    for path, handler in routes:
        app.router.add_route("*", path, handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield told
    await runner.cleanup()
