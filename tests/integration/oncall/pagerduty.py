"""PagerDuty's REST API as far as who is on call, on loopback: it wants its key, pages, and fails as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

KEY = "u+0123456789abcdefghij"
ACCEPT = "application/vnd.pagerduty+json;version=2"


@dataclass
class Stub:
    """``duties`` are (schedule, user, address, start, end); ``fault`` answers instead: a status, or ``hang``."""

    duties: list[tuple[str, str, str, str | None, str | None]] = field(default_factory=list)
    schedules: dict[str, str] = field(default_factory=dict)
    fault: int | str = 0
    key: str = KEY
    page: int = 100
    asked: list[web.Request] = field(default_factory=list)
    url: str = ""

    def put(self, schedule: str, user: str, email: str, start: datetime | None, end: datetime | None) -> None:
        """Somebody is on call."""
        times = [at.isoformat().replace("+00:00", "Z") if at is not None else None for at in (start, end)]
        self.duties.append((schedule, user, email, times[0], times[1]))
        self.schedules.setdefault(schedule, f"{schedule} primary")

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """The key first, then the fault."""
        self.asked.append(request)
        if self.fault == "hang":
            await asyncio.sleep(30)
        if self.fault == "html":
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        if self.fault:
            headers = {"Retry-After": "7"} if self.fault == 429 else {}
            return web.json_response(
                {"error": {"message": "Not so", "errors": ["x"]}}, status=int(self.fault), headers=headers
            )
        if request.headers.get("Authorization") != f"Token token={self.key}" or request.headers["Accept"] != ACCEPT:
            return web.json_response({"error": {"message": "Unauthorized"}}, status=401)
        found: web.StreamResponse = await handler(request)
        return found

    async def oncalls(self, request: web.Request) -> web.Response:
        """``GET /oncalls``: those whose time overlaps the range."""
        query = request.query
        wanted, since, until = query.getall("schedule_ids[]"), _at(query["since"]), _at(query["until"])
        rows = [
            {
                "user": {"id": user, "type": "user", "summary": "Somebody", "email": email},
                "schedule": {"id": schedule, "type": "schedule_reference"},
                "escalation_policy": {"id": "PESC1"}, "escalation_level": 1, "start": start, "end": end,
            }
            for schedule, user, email, start, end in self.duties
            if schedule in wanted and (end is None or _at(end) > since) and (start is None or _at(start) <= until)
        ]  # fmt: skip
        offset, limit = int(query["offset"]), min(int(query["limit"]), self.page)
        more = offset + limit < len(rows)
        return web.json_response(
            {"oncalls": rows[offset : offset + limit], "limit": limit, "offset": offset, "more": more}
        )

    async def schedule(self, request: web.Request) -> web.Response:
        """``GET /schedules/{id}``."""
        name = self.schedules.get(request.match_info["id"])
        if name is None:
            return web.json_response({"error": {"message": "Not Found", "code": 2100}}, status=404)
        return web.json_response({"schedule": {"id": request.match_info["id"], "name": name}})


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@asynccontextmanager
async def pagerduty() -> AsyncIterator[Stub]:
    """The stub, listening."""
    stub = Stub()
    app = web.Application(middlewares=[stub.guard])
    app.router.add_get("/oncalls", stub.oncalls)
    app.router.add_get("/schedules/{id}", stub.schedule)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    stub.url = f"http://{host}:{port}"
    try:
        yield stub
    finally:
        await runner.cleanup()
