"""``POST /webhooks/alertmanager`` (alias ``/alert``): committed before it is answered, never redirected.

2xx means that the delivery is durable; 503 asks the sender to come again, which Alertmanager does on 5xx alone. The
route takes the raw request: FastAPI's models in its signature would cost three quarters of the throughput.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerts import auth, payload
from bot.domain.alert import AlertGroup
from bot.domain.errors import FettleError, RequestError
from bot.health import Health, unredirected
from bot.settings import Settings
from bot.storage.db import Lane, Store
from bot.workflow.intake import IntakeRules, Receipt, receive

log = structlog.get_logger(__name__)

MAX_BODY = 16 * 1024 * 1024
SLICE = 1000
"""Alerts committed in one transaction; all slices are committed before the answer."""
RETRY_AFTER = "10"
BODY_WITHIN = 30.0
"""Seconds that a body may take to arrive; senders give up earlier themselves."""
BIG = 128 * 1024
"""Bytes beyond which a body is parsed beside the loop: 16 MiB would stop it for a second."""


class _RefusedError(Exception):
    """A request that is not taken: its answer, and the word under which it is counted."""

    def __init__(self, status: int, sentence: str, reason: str, **headers: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.answer = _problem(status, sentence, headers)


def application(
    store: Store, settings: Settings, rules: IntakeRules, clock: Callable[[], datetime], health: Health
) -> FastAPI:
    """The intake listener: alerts, ``/healthz`` and ``/readyz``."""
    return unredirected([*routes(store, settings, rules, clock, health), *health.probes()])


def routes(
    store: Store, settings: Settings, rules: IntakeRules, clock: Callable[[], datetime], health: Health
) -> list[Route]:
    """The two paths of the webhook."""
    guard = auth.Guard(settings)

    async def alertmanager(request: Request) -> Response:
        try:
            await _let_in(settings, guard, request)
            group = await _group(await _body(request))
            receipt = await _receive(store, group, clock(), rules)
        except _RefusedError as refused:
            health.refused(refused.reason)
            return refused.answer
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

    return [Route(path, alertmanager, methods=["POST"]) for path in ("/webhooks/alertmanager", "/alert")]


async def _let_in(settings: Settings, guard: auth.Guard, request: Request) -> None:
    """Raises for who may not post; without a token, for a page in a browser on this machine too."""
    client = request.client.host if request.client else ""
    browser = settings.webhook_open and "origin" in request.headers
    if browser or not await guard.allowed(request.headers.get("authorization", ""), client):
        raise _RefusedError(401, "Not authorized.", "unauthorized", **{"WWW-Authenticate": "Bearer"})


async def _group(body: bytes) -> AlertGroup:
    try:
        return await asyncio.to_thread(payload.parse, body) if len(body) > BIG else payload.parse(body)
    except RequestError as error:
        raise _RefusedError(400, str(error), "no_alerts") from error


async def _receive(store: Store, group: AlertGroup, now: datetime, rules: IntakeRules) -> Receipt:
    most = max(len(group.alerts), len(group.poison))
    if most <= SLICE:
        return await store.transact(receive, group, now, rules, lane=Lane.INTAKE)
    receipts = [
        await store.transact(receive, part, now, rules, lane=Lane.INTAKE)
        for part in (
            replace(group, alerts=group.alerts[start : start + SLICE], poison=group.poison[start : start + SLICE])
            for start in range(0, most, SLICE)
        )
    ]
    touched = {number for receipt in receipts for number in receipt.incidents}
    return Receipt(
        tuple(sorted(touched)),
        sum(receipt.accepted for receipt in receipts),
        sum(receipt.duplicates for receipt in receipts),
        sum(receipt.quarantined for receipt in receipts),
    )


async def _body(request: Request) -> bytes:
    """The body; raises beyond the cap, checked while it streams in, and when it doesn't arrive."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY:
                    raise _too_large()
                chunks.append(chunk)
    except ClientDisconnect as error:
        raise _RefusedError(400, "The body ended too early.", "disconnected") from error
    except TimeoutError as error:
        raise _RefusedError(408, f"The body took longer than {BODY_WITHIN:g} s.", "too_slow") from error
    return b"".join(chunks)


def _too_large() -> _RefusedError:
    sentence = f"The body is larger than {MAX_BODY // 2**20} MiB. Set max_alerts in the receiver."
    # The connection stays: what still comes is thrown away, and the sender gets to read the answer.
    return _RefusedError(413, sentence, "too_large")


def _problem(status: int, sentence: str, headers: Mapping[str, str]) -> JSONResponse:
    return JSONResponse({"status": "error", "error": sentence}, status, headers)
