"""Handlers in Python: a team's own code that adds evidence to the alerts of one name, each with its own limit.

They are known at the start and looked up in a table, so that a name in an alert never imports or opens anything. Each
call runs in a thread of its own beside the loop; one that raises or hangs costs its own line alone. What it gives is
made plain, redacted and cut before anybody sees it. It refuses to let a handler conclude, propose or act.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.proposal import canonical, sha256
from bot.domain.redaction import HIDDEN, names_secret, redact
from bot.domain.snapshot import AlertSeen
from bot.evidence.ask import Ask

MOST_BUSY = 4
"""Calls of one handler at once; more than that only come when it hangs."""
MOST, LONGEST, DEEPEST, WHOLE = 40, 1000, 6, 12_000
"""Of what a handler gives: entries of a table or list, characters of a text, levels, characters in all."""

Call = Callable[[dict[str, Any]], Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handler:
    """One handler: the alert's name it is for, where it came from, the hash of that, and what is called."""

    name: str
    origin: str
    hash: str
    enrich: Call


class Handlers:
    """All of them by the alert's name; what they are doing now is counted."""

    def __init__(self, found: Sequence[Handler] = ()) -> None:
        self._by_name = {one.name: one for one in found}
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all of them; empty without any."""
        return sha256(canonical(self.content())) if self._by_name else ""

    def content(self) -> dict[str, dict[str, str]]:
        """Alert's name -> where its handler came from, and its hash."""
        return {name: {"from": one.origin, "hash": one.hash} for name, one in sorted(self._by_name.items())}

    def collectors(self, alerts: Sequence[AlertSeen]) -> dict[str, Callable[[Ask], Any]]:
        """The collectors of those that are for these alerts, by source; one that fires is asked about first."""
        wanted: dict[str, Callable[[Ask], Any]] = {}
        for alert in sorted(alerts, key=lambda one: not one.firing):
            handler = self._by_name.get(alert.name)
            if handler is not None:
                wanted.setdefault(f"handler:{handler.name}", partial(self._collect, handler, alert))
        return wanted

    async def _collect(self, handler: Handler, alert: AlertSeen, ask: Ask) -> Evidence:
        data = await self._called(handler, _item(alert))
        status = EvidenceStatus.OK if data else EvidenceStatus.EMPTY
        return Evidence(f"handler:{handler.name}", status, _summary(data), ask.clock(), data)

    async def _called(self, handler: Handler, item: dict[str, Any]) -> dict[str, Any]:
        """What it gives, plain; the thread of one that hangs is left behind and keeps no process from ending."""
        with self._lock:
            if self._busy[handler.name] >= MOST_BUSY:
                raise RequestError(f"The handler is still busy with {MOST_BUSY} earlier calls; it may hang.")
            self._busy[handler.name] += 1
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, Any]] = loop.create_future()

        def run() -> None:
            data, problem = _tried(handler, item)
            with self._lock:
                self._busy[handler.name] -= 1
            try:
                loop.call_soon_threadsafe(_settle, future, data, problem)
            except RuntimeError:  # the loop was closed meanwhile: nobody waits any more
                log.debug("handler %s ended too late", handler.name)

        threading.Thread(target=run, name=f"handler-{handler.name}", daemon=True).start()
        return await future


def _settle(future: asyncio.Future[dict[str, Any]], data: dict[str, Any], problem: str) -> None:
    if future.done():
        return
    if problem:
        future.set_exception(RequestError(problem))
    else:
        future.set_result(data)


def _tried(handler: Handler, item: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Its data, or a sentence why there is none; in the handler's thread, where nothing may get out."""
    try:
        made = handler.enrich(item)
        if inspect.iscoroutine(made):
            made = asyncio.run(made)
        given = made.get("enriched_data") if isinstance(made, Mapping) else None
        if given is None:
            return {}, "The handler returned no item with enriched_data."
        data = _plain(given if isinstance(given, Mapping) else {"data": given}, 0)
        if len(canonical(data)) > WHOLE:
            return {}, f"The handler returned more than {WHOLE} characters: let it give less."
    except BaseException as error:  # foreign code: whatever it raises costs its own line and nothing more
        log.warning("handler %s failed", handler.name, exc_info=True)
        return {}, f"The handler failed: {redact(f'{type(error).__name__}: {error}')[:300]}"
    return data, ""


def _item(alert: AlertSeen) -> dict[str, Any]:
    """The alert as Alertmanager's webhook words it; a copy that the handler may change."""
    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": alert.starts_at.isoformat() if alert.starts_at else "",
        "generatorURL": alert.generator_url,
    }


def _plain(value: Any, depth: int) -> Any:
    """The same as JSON: bounded, redacted, what is no plain value as its text."""
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        pairs = [(redact(str(key))[:100], below) for key, below in list(value.items())[:MOST]]
        return {key: HIDDEN if names_secret(key) else _plain(below, depth + 1) for key, below in pairs}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, depth + 1) for one in list(value)[:MOST]]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)[:LONGEST]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return redact(str(value)[:LONGEST])


def _summary(data: Mapping[str, Any]) -> str:
    shown = [f"{key} {value}" for key, value in data.items() if isinstance(value, str | int | float)]
    return ", ".join(shown[:4])[:200] or ("nothing" if not data else f"{len(data)} values")
