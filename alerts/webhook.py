"""``POST /webhooks/alertmanager`` (alias ``/alert``): committed before it is answered, never redirected.

2xx means that the delivery is durable; 503 asks the sender to come again, which Alertmanager does on 5xx alone. The
route takes the raw request: models in the signature would cost three quarters of the throughput.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

from alerts import auth, payload
from bot.domain.alert import AlertGroup
from bot.domain.errors import FettleError, RequestError
from bot.health import Health
from bot.settings import Settings
from bot.storage.db import Lane, Store
from bot.workflow.intake import IntakeRules, Receipt, receive

log = structlog.get_logger(__name__)

MAX_BODY = 16 * 1024 * 1024
SLICE = 1000
"""Alerts committed in one transaction; all slices are committed before the answer."""
RETRY_AFTER = "10"


def application(
    store: Store, settings: Settings, rules: IntakeRules, clock: Callable[[], datetime], health: Health
) -> FastAPI:
    """The intake listener: alerts, ``/healthz`` and ``/readyz``."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(routes(store, settings, rules, clock, health))
    app.include_router(health.probes())
    return app


def routes(
    store: Store, settings: Settings, rules: IntakeRules, clock: Callable[[], datetime], health: Health
) -> APIRouter:
    """The two paths of the webhook."""
    router = APIRouter()

    async def alertmanager(request: Request) -> Response:
        client = request.client.host if request.client else ""
        if not auth.allowed(settings, request.headers.get("authorization", ""), client):
            health.refused("unauthorized")
            return _problem(401, "Not authorized.", {"WWW-Authenticate": "Bearer"})
        body = await _body(request)
        if body is None:
            health.refused("too_large")
            return _problem(413, f"The body is larger than {MAX_BODY // 2**20} MiB. Set max_alerts in the receiver.")
        try:
            group = payload.parse(body)
        except RequestError as error:
            health.refused("no_alerts")
            return _problem(400, str(error))
        try:
            receipt = await _receive(store, group, clock(), rules)
        except FettleError as error:
            # Nothing of this slice was committed; the sender comes again, and what was is a duplicate then.
            log.warning("a delivery was not taken", error=str(error))
            health.refused("unavailable")
            return _problem(503, "The store takes no writes now; send it again.", {"Retry-After": RETRY_AFTER})
        health.received(receipt)
        return JSONResponse(
            {
                "status": "success",
                "incidents": list(receipt.incidents),
                "accepted": receipt.accepted,
                "duplicates": receipt.duplicates,
                "quarantined": receipt.quarantined,
            }
        )

    for path in ("/webhooks/alertmanager", "/alert"):
        router.add_api_route(path, alertmanager, methods=["POST"], response_model=None)
    return router


async def _receive(store: Store, group: AlertGroup, now: datetime, rules: IntakeRules) -> Receipt:
    if len(group.alerts) <= SLICE:
        return await store.transact(receive, group, now, rules, lane=Lane.INTAKE)
    receipts = [
        await store.transact(receive, part, now, rules, lane=Lane.INTAKE)
        for part in (
            replace(
                group,
                alerts=group.alerts[start : start + SLICE],
                poison=group.poison if start == 0 else (),
            )
            for start in range(0, len(group.alerts), SLICE)
        )
    ]
    touched = {number for receipt in receipts for number in receipt.incidents}
    return Receipt(
        tuple(sorted(touched)),
        sum(receipt.accepted for receipt in receipts),
        sum(receipt.duplicates for receipt in receipts),
        sum(receipt.quarantined for receipt in receipts),
    )


async def _body(request: Request) -> bytes | None:
    """The body, or None beyond the cap; checked while it streams in."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"status": "error", "error": sentence}, status, headers)
