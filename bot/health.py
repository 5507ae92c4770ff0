"""Probes, ``/status`` and ``/metrics``: does the loop turn, does the store take writes, what is owed, who is connected.

Readiness is the store alone: Slack being down must not take the intake out of its Service. No answer holds a secret
or a name.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.domain.errors import FettleError, StoreUnavailableError
from bot.domain.redaction import redact
from bot.storage import audit, due, incidents, outbox
from bot.storage.db import Tx
from bot.workflow import facts
from bot.workflow.context import Context

CLUSTER_WITHIN = 2.0
"""Seconds that ``/status`` waits for the cluster."""


class Received(Protocol):
    """What intake says of one delivery."""

    @property
    def accepted(self) -> int:
        """Alerts taken."""

    @property
    def duplicates(self) -> int:
        """Of them seen before."""

    @property
    def quarantined(self) -> int:
        """Alerts that could not be used."""


Slack = Callable[[], Awaitable[Mapping[str, Any]]]


def unredirected(routes: list[Route]) -> FastAPI:
    """An application that answers these paths alone: a redirect would lose the body and count as taken.

    The routes are plain ones: none of these answers needs models or dependencies.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.routes.extend(routes)
    return app


class Health:
    """The state of one process, for machines."""

    def __init__(self, ctx: Context, slack: Slack) -> None:
        self._ctx = ctx
        self._slack = slack
        self._registry = CollectorRegistry()
        alerts = Counter("fettle_alerts", "Alerts by what became of them", ["result"], registry=self._registry)
        self._accepted, self._duplicate, self._quarantined = (
            alerts.labels(result) for result in ("accepted", "duplicate", "quarantined")
        )
        self._refused = Counter(
            "fettle_deliveries_refused", "Deliveries not taken, by reason", ["reason"], registry=self._registry
        )
        self._store_errors = Counter(
            "fettle_store_errors", "Groups of writes that the store did not take", registry=self._registry
        )
        self._counted = 0
        self._gauges = {
            name: Gauge(f"fettle_{name}", text, labels, registry=self._registry)
            for name, text, labels in (
                ("incidents", "Incidents by state", ["state"]),
                ("due", "Rows of owed work by stage", ["stage"]),
                ("outbox_waiting", "Messages owed to Slack", []),
                ("outbox_lag_seconds", "Age of the oldest message that is due", []),
                ("slack_connections", "Socket Mode connections that are up", []),
                ("slack_connections_rebuilt", "Connections that the watchdog threw away", []),
                ("slack_other_connections", "Socket Mode connections of the app that aren't Fettle's", []),
                ("slack_ping_age_seconds", "Age of the oldest pong, -1 before the first", []),
                ("cluster_up", "Whether the cluster answered when last asked", []),
                ("audit_entries", "Entries in the audit", []),
                ("frozen", "Whether the kill switch is on", []),
                ("playbooks_wrong", "Sentences about playbooks that were not taken", []),
            )
        }

    def received(self, receipt: Received) -> None:
        """Counts a delivery that was taken."""
        fresh = receipt.accepted - receipt.duplicates
        for counter, count in (
            (self._accepted, fresh), (self._duplicate, receipt.duplicates), (self._quarantined, receipt.quarantined),
        ):  # fmt: skip
            if count:
                counter.inc(count)

    def refused(self, reason: str) -> None:
        """Counts a delivery that was not taken; ``reason`` is one of a few stable words."""
        self._refused.labels(reason).inc()

    def probes(self) -> list[Route]:
        """``/healthz`` and ``/readyz``, for the intake's listener."""

        async def healthz(_: Request) -> Response:
            return JSONResponse({"status": "ok"})

        async def readyz(_: Request) -> Response:
            try:
                await self._ctx.store.writable()
            except StoreUnavailableError as error:
                return JSONResponse({"status": "unavailable", "error": redact(str(error))}, 503)
            return JSONResponse({"status": "ok"})

        return [Route("/healthz", healthz), Route("/readyz", readyz)]

    def application(self) -> FastAPI:
        """``/status`` and ``/metrics``, for the listener of their own."""

        async def status(_: Request) -> Response:
            return JSONResponse(await self.status())

        async def metrics(_: Request) -> Response:
            self._set(await self.status())
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

        return unredirected([Route("/status", status), Route("/metrics", metrics)])

    async def status(self) -> dict[str, Any]:
        """Counts and connections as JSON; what can't be read says so instead of a number."""
        try:
            store = await self._ctx.store.read(_counts, self._ctx, await self._ctx.freeze_file())
        except FettleError as error:
            store = {"problem": redact(str(error))}
        store["write_errors"], problem = self._ctx.store.write_errors
        if problem:
            store["problem"] = redact(problem)
        return {
            "mode": self._ctx.settings.MODE,
            "playbooks": self._ctx.playbooks.status(),
            "store": store,
            "slack": await self._slack(),
            "cluster": await self._cluster(),
        }

    async def _cluster(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(CLUSTER_WITHIN):
                identity = await self._ctx.cluster.identity()
        except TimeoutError:
            return {"up": False, "problem": f"no answer within {CLUSTER_WITHIN:g} s"}
        except FettleError as error:
            return {"up": False, "problem": redact(str(error))}
        return {"up": True, "version": identity.version}

    def _set(self, status: Mapping[str, Any]) -> None:
        store, slack = status["store"], status["slack"]
        errors, _ = self._ctx.store.write_errors  # as of now: of two scrapes at once, the older one may end last
        self._store_errors.inc(errors - self._counted)
        self._counted = errors
        for name in ("incidents", "due"):
            self._gauges[name].clear()  # a stage that owes nothing any more is gone, not as it was
            for key, value in store.get(name, {}).items():
                self._gauges[name].labels(key).set(value)
        # What can't be read is no number: 0 would look like all is well.
        owed = store.get("outbox", {})
        self._gauges["outbox_waiting"].set(owed.get("waiting", math.nan))
        self._gauges["outbox_lag_seconds"].set(owed.get("lag_seconds", math.nan))
        self._gauges["audit_entries"].set(store.get("audit_entries", math.nan))
        frozen = store.get("frozen")
        self._gauges["frozen"].set(math.nan if frozen is None else frozen)
        self._gauges["playbooks_wrong"].set(len(status["playbooks"]["problems"]))
        self._gauges["slack_connections"].set(slack.get("connected", 0))
        self._gauges["slack_connections_rebuilt"].set(slack.get("rebuilt", 0))
        self._gauges["slack_other_connections"].set(slack.get("other_connections", 0))
        age = slack.get("ping_age_seconds")
        self._gauges["slack_ping_age_seconds"].set(-1 if age is None else age)
        self._gauges["cluster_up"].set(bool(status["cluster"]["up"]))


def _counts(tx: Tx, ctx: Context, freeze_file: bool | None) -> dict[str, Any]:
    waiting, lag = outbox.lag(tx, ctx.clock())
    seq, head = audit.head(tx)
    return {
        "incidents": {str(state): count for state, count in incidents.counts(tx).items()},
        "due": due.counts(tx),
        "outbox": {"waiting": waiting, "lag_seconds": round(lag, 1)},
        "audit_entries": seq,
        "audit_head": head,
        # Row, environment and file, as the guards see it; None: can't be told.
        "frozen": facts.freeze_in(tx, ctx, freeze_file).on,
    }
