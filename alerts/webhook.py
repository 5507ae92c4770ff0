"""``POST /webhooks/alertmanager`` (alias ``/alert``): committed before it is answered, never redirected.

2xx means that the delivery is durable; 503 asks the sender to come again, which Alertmanager does on 5xx alone. It
speaks ASGI itself: a request object, and models in the signature still more, would cost more than writing the alerts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import structlog
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from alerts import auth, bound, payload
from bot.domain.alert import AlertGroup
from bot.domain.errors import FettleError, RequestError
from bot.health import Health, unredirected
from bot.settings import Settings
from bot.settings_webhook import Binding
from bot.storage.db import Lane, Store, Tx
from bot.workflow.intake import Delivered, IntakeRules, Receipt, receive_all

log = structlog.get_logger(__name__)

PATHS = frozenset({"/webhooks/alertmanager", "/alert"})
MAX_BODY = 16 * 1024 * 1024
SLICE = 1000
"""Alerts committed in one transaction; all slices are committed before the answer."""
RETRY_AFTER = "10"
BODY_WITHIN = 30.0
"""Seconds that a body may take to arrive; senders give up earlier themselves."""
BIG = 32 * 1024
"""Bytes beyond which a body is parsed beside the loop and the writer: 16 MiB would stop either for a second."""

Headers = Mapping[bytes, bytes]


class _RefusedError(Exception):
    """A request that is not taken: its answer, and the word under which it is counted."""

    def __init__(self, status: int, sentence: str, reason: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        self.headers = headers


def application(
    store: Store, settings: Settings, rules: IntakeRules, clock: Callable[[], datetime], health: Health
) -> ASGIApp:
    """The intake listener: alerts, ``/healthz`` and ``/readyz``."""
    webhook = Webhook(store, settings, rules, clock, health)
    others = unredirected([*(Route(path, webhook, methods=["POST"]) for path in sorted(PATHS)), *health.probes()])

    async def intake(scope: Scope, receive: Receive, send: Send) -> None:
        # The layers of the framework cost as much as reading the body and answering do; nothing here needs them.
        hot = scope["type"] == "http" and scope["path"] in PATHS and scope["method"] == "POST"
        await (webhook if hot else others)(scope, receive, send)

    return intake


class Webhook:
    """The door of a process for alerts, as an ASGI application."""

    def __init__(
        self, store: Store, settings: Settings, rules: IntakeRules, clock: Callable[[], datetime], health: Health
    ) -> None:
        self._store, self._settings, self._rules, self._clock, self._health = store, settings, rules, clock, health
        self._guard = auth.Guard(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes one delivery and answers it."""
        try:
            receipt = await self._take(scope, receive)
        except _RefusedError as refused:
            self._health.refused(refused.reason)
            await _problem(send, refused.status, str(refused), refused.headers)
        except FettleError as error:
            # Nothing of this slice was committed; the sender comes again, and what was is a duplicate then.
            log.warning("a delivery was not taken", error=str(error))
            self._health.refused("unavailable")
            sentence = "The store takes no writes now; send it again."
            await _problem(send, 503, sentence, {"Retry-After": RETRY_AFTER})
        else:
            self._health.received(receipt)
            await _answer(send, 200, _thanks(receipt))

    async def _take(self, scope: Scope, receive: Receive) -> Receipt:
        headers = dict(scope["headers"])
        client = scope.get("client")
        binding = await _let_in(self._settings, self._guard, headers, client[0] if client else "")
        body = await _body(headers, receive)
        if len(body) <= BIG:
            post = Post(body, self._clock(), self._rules, binding)
            answer = await self._store.transact_item(take, post, lane=Lane.INTAKE)
        else:
            answer = await asyncio.to_thread(_read, body, binding)
        if isinstance(answer, AlertGroup):
            return await _slices(self._store, answer, self._clock(), self._rules)
        if isinstance(answer, RequestError):
            raise _RefusedError(400, str(answer), "no_alerts") from answer
        return answer


class Post(NamedTuple):
    """One body as it came."""

    body: bytes
    at: datetime
    rules: IntakeRules
    binding: Binding | None = None


def take(tx: Tx, posts: Sequence[Post]) -> list[Receipt | AlertGroup | RequestError]:
    """Reads and takes bodies; for each its receipt, or why it holds no alerts, or what is too much for one transaction.

    It runs in the writer's thread: what was read on another core would have to come over piece by piece.
    """
    answers: list[Receipt | AlertGroup | RequestError] = [_read(post.body, post.binding) for post in posts]
    small = [
        (index, Delivered(group, posts[index].at, posts[index].rules))
        for index, group in enumerate(answers)
        if isinstance(group, AlertGroup) and _entries(group) <= SLICE
    ]
    receipts = receive_all(tx, [delivery for _, delivery in small])
    for (index, _), receipt in zip(small, receipts, strict=True):
        answers[index] = receipt
    return answers


def _thanks(receipt: Receipt) -> bytes:
    """The answer to a delivery that was taken; all of it is numbers."""
    return (
        f'{{"status":"success","incidents":[{",".join(map(str, receipt.incidents))}],"accepted":{receipt.accepted},'
        f'"duplicates":{receipt.duplicates},"quarantined":{receipt.quarantined}}}'
    ).encode()


async def _let_in(settings: Settings, guard: auth.Guard, headers: Headers, client: str) -> Binding | None:
    """What the token speaks for. Raises for who may not post; without one, for a page in a browser here too."""
    browser = b"origin" in headers and settings.webhook_open
    found = None if browser else await guard.admitted(headers.get(b"authorization", b"").decode("latin-1"), client)
    if found is not None:
        return found.binding
    raise _RefusedError(401, "Not authorized.", "unauthorized", **{"WWW-Authenticate": "Bearer"})


def _read(body: bytes, binding: Binding | None) -> AlertGroup | RequestError:
    try:
        return bound.kept_apart(payload.parse(body), binding)
    except RequestError as error:
        return error


def _entries(group: AlertGroup) -> int:
    return max(len(group.alerts), len(group.poison))


async def _slices(store: Store, group: AlertGroup, now: datetime, rules: IntakeRules) -> Receipt:
    receipts = [
        await store.transact_item(receive_all, Delivered(part, now, rules), lane=Lane.INTAKE)
        for part in (
            replace(group, alerts=group.alerts[start : start + SLICE], poison=group.poison[start : start + SLICE])
            for start in range(0, max(1, _entries(group)), SLICE)
        )
    ]
    touched = {number for receipt in receipts for number in receipt.incidents}
    return Receipt(
        tuple(sorted(touched)),
        sum(receipt.accepted for receipt in receipts),
        sum(receipt.duplicates for receipt in receipts),
        sum(receipt.quarantined for receipt in receipts),
    )


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The body; raises beyond the cap, checked while it streams in, and when it doesn't arrive."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    more = True
    try:
        async with asyncio.timeout(BODY_WITHIN):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _RefusedError(400, "The body ended too early.", "disconnected")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > MAX_BODY:
                    raise _too_large()
                chunks.append(chunk)
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise _RefusedError(408, f"The body took longer than {BODY_WITHIN:g} s.", "too_slow") from error
    return b"".join(chunks)


def _too_large() -> _RefusedError:
    sentence = f"The body is larger than {MAX_BODY // 2**20} MiB. Set max_alerts in the receiver."
    # The connection stays: what still comes is thrown away, and the sender gets to read the answer.
    return _RefusedError(413, sentence, "too_large")


async def _problem(send: Send, status: int, sentence: str, headers: Mapping[str, str]) -> None:
    await _answer(send, status, json.dumps({"status": "error", "error": sentence}).encode(), headers)


async def _answer(send: Send, status: int, body: bytes, more: Mapping[str, str] | None = None) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(name.lower().encode(), value.encode()) for name, value in (more or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
