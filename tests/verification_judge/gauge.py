"""A Prometheus of the judge's own: one number, the traffic, and one rule, each a curve of the cluster's time.

The curves are the truth about what is measured; the judge reads them without asking over HTTP.
"""
# ruff: noqa: D102 - the methods are the routes that they are named after

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.integrations.door import Access
from bot.integrations.prometheus import Prometheus

EVERY = 15.0
"""Seconds between two evaluations of the rule."""
MOST, LEAST_TRAFFIC = 0.01, 0.5
BEFORE = 0.34
PLAYBOOK = (
    "name: pod-crash-looping\ntitle: Ours\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods, metrics]\n"
    'queries: [{name: failed, expr: \'failed{namespace="$namespace", pod=~"$pods"}\', unit: ratio}]\n'
    "findings: {crash_loop: [restart]}\n"
    "verification: {metrics: [{query: failed, below: 0.01, than_before: better, samples: 2, settle: 20s, "
    "min_traffic: 0.5}]}\n"
)


@dataclass
class Gauge:
    """``number`` None is no data, a text what Prometheus writes; ``firing`` and ``evaluated`` are of the rule."""

    labels: dict[str, str]
    now: Callable[[], float]
    number: Callable[[float], float | str | None] = lambda _at: BEFORE
    traffic: Callable[[float], float | None] = lambda _at: 40.0
    firing: Callable[[float], bool] = lambda _at: True
    evaluated: Callable[[float], float] = lambda at: at // EVERY * EVERY
    known: bool = True
    down: Callable[[float], bool] = lambda _at: False
    asked: list[float] = field(default_factory=list)
    failed: int = 0
    client: Prometheus | None = None
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/api/v1/query", self.query)
        app.router.add_get("/api/v1/rules", self.rules)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.client = Prometheus(Access("Prometheus", "PROMETHEUS", address))

    async def stop(self) -> None:
        if self.client is not None:
            await self.client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def query(self, request: web.Request) -> web.Response:
        form = {**request.query, **(await request.post() if request.method == "POST" else {})}
        now = self.now()
        if self.down(now):
            return self._refused()
        self.asked.append(now)
        value: Any = self.number(now) if "failed{" in str(form["query"]) else self.traffic(now)
        rows = [] if value is None else [{"metric": {}, "value": [float(str(form["time"])), str(value)]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": rows}})

    async def rules(self, _request: web.Request) -> web.Response:
        now = self.now()
        if self.down(now):
            return self._refused()
        at = self.evaluated(now)
        active = [{"labels": self.labels, "state": "firing"}] if self.firing(at) else []
        told = datetime.fromtimestamp(at, UTC).isoformat()
        rule = {
            "name": self.labels["alertname"], "query": "up", "health": "ok", "lastEvaluation": told, "alerts": active,
        }  # fmt: skip
        groups = [{"rules": [rule]}] if self.known else []
        return web.json_response({"status": "success", "data": {"groups": groups}})

    def _refused(self) -> web.Response:
        self.failed += 1
        return web.json_response({"status": "error", "errorType": "internal", "error": "boom"}, status=500)

    def ill(self, at: float) -> str:
        """Why what is measured isn't well at a moment; empty where it is."""
        value, traffic = self.number(at), self.traffic(at)
        if not isinstance(value, float) or not value < MOST:
            return f"the number is {value}"
        if traffic is None or traffic < LEAST_TRAFFIC:
            return f"the traffic is {traffic}"
        if self.known and self.firing(at):
            return "the alert fires"
        return ""
