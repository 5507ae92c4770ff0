"""Handlers in Python: a team's own code for the alerts of one name, each call with its own limit.

They are known at the start and looked up in a table, so that a name in an alert never imports or opens anything. One
may add evidence (``enrich``), say what it makes of all that was seen (``find``) and pick among the mitigations that
may be proposed anyway (``propose``); one that raises or hangs costs its own line alone. It refuses to let a handler
act, or widen what may be proposed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Finding
from bot.domain.proposal import canonical, sha256
from bot.domain.snapshot import AlertSeen, Snapshot
from bot.evidence import handler_words as words
from bot.evidence.ask import Ask
from bot.evidence.handler_calls import MOST_BUSY, Call, Calls, several
from bot.evidence.handler_view import item, view
from bot.evidence.handler_words import Option, Pick

__all__ = ["METHODS", "MOST_BUSY", "Handler", "Handlers"]

METHODS = ("enrich", "find", "propose")
"""What a handler may have; one of them is enough."""
ALERTS = "alerts"
"""What a finding may cite beside the sources of evidence."""


@dataclass(frozen=True)
class Handler:
    """One handler: the alert's name it is for, where it came from, the hash of that, and what is called."""

    name: str
    origin: str
    hash: str
    enrich: Call | None = None
    find: Call | None = None
    propose: Call | None = None

    @property
    def methods(self) -> list[str]:
        """What it has."""
        return [one for one in METHODS if getattr(self, one) is not None]


class Handlers:
    """All of them by the alert's name."""

    def __init__(self, found: Sequence[Handler] = ()) -> None:
        self._by_name = {one.name: one for one in found}
        self._calls = Calls()

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all of them; empty without any."""
        return sha256(canonical(self.content())) if self._by_name else ""

    def content(self) -> dict[str, dict[str, Any]]:
        """Alert's name -> where its handler came from, its hash, and what it does."""
        return {
            name: {"from": one.origin, "hash": one.hash, "does": one.methods}
            for name, one in sorted(self._by_name.items())
        }

    def collectors(self, alerts: Sequence[AlertSeen]) -> dict[str, Callable[[Ask], Any]]:
        """The collectors of those that are for these alerts, by source; one that fires is asked about first."""
        return {
            f"handler:{one.name}": partial(self._collect, one, alert)
            for one, alert in self._wanted(alerts)
            if one.enrich is not None
        }

    async def find(
        self, snapshot: Snapshot, known: Collection[str], *, within: float
    ) -> tuple[list[Finding], list[Evidence]]:
        """What they make of a snapshot, and a line each; ``known`` are the words for mitigations. Never raises."""
        asked = [one for one, _ in self._wanted(snapshot.alerts) if one.find is not None]
        answers = await asyncio.gather(*(self._found(one, snapshot, known, within) for one in asked))
        return [finding for found, _ in answers for finding in found], [line for _, line in answers]

    def proposes(self, alerts: Sequence[AlertSeen]) -> bool:
        """Whether one of them would pick for these alerts."""
        return any(one.propose is not None for one, _ in self._wanted(alerts))

    async def pick(
        self, snapshot: Snapshot, findings: Sequence[Finding], options: Sequence[Option], *, within: float
    ) -> tuple[Pick | None, Evidence]:
        """What the first of them picks among ``options``, None for the playbook's own order; and its line."""
        handler = next(one for one, _ in self._wanted(snapshot.alerts) if one.propose is not None)
        source = f"handler:{handler.name} propose"
        shown = [_shown(one) for one in findings]
        offered = [one.shown() for one in options]
        try:
            given = await self._called(
                handler, handler.propose, lambda: view(snapshot, findings=shown, options=offered), within
            )
            picked = words.pick(handler.name, given, options)
        except RequestError as error:
            return None, Evidence(source, EvidenceStatus.FAILED, f"{source} unavailable", snapshot.now, {}, str(error))
        if picked is None:
            return None, Evidence(source, EvidenceStatus.EMPTY, "left it to the playbook", snapshot.now)
        said = {"action": picked.action or words.NONE, "params": dict(picked.params), "reason": picked.reason}
        return picked, Evidence(source, EvidenceStatus.OK, f"picked {said['action']}", snapshot.now, said)

    def _wanted(self, alerts: Sequence[AlertSeen]) -> list[tuple[Handler, AlertSeen]]:
        """Those that are for these alerts, each with the alert it is asked about; one that fires comes first."""
        wanted: dict[str, tuple[Handler, AlertSeen]] = {}
        for alert in sorted(alerts, key=lambda one: not one.firing):
            handler = self._by_name.get(alert.name)
            if handler is not None:
                wanted.setdefault(handler.name, (handler, alert))
        return list(wanted.values())

    async def _collect(self, handler: Handler, alert: AlertSeen, ask: Ask) -> Evidence:
        data = await self._calls.plain(handler.name, _callable(handler.enrich), lambda: item(alert), _enriched)
        status = EvidenceStatus.OK if data else EvidenceStatus.EMPTY
        return Evidence(f"handler:{handler.name}", status, _summary(data), ask.clock(), data)

    async def _found(
        self, handler: Handler, snapshot: Snapshot, known: Collection[str], within: float
    ) -> tuple[tuple[Finding, ...], Evidence]:
        source = f"handler:{handler.name} find"
        read = partial(several, most=words.MOST_FINDINGS)
        observed = [name for name, one in snapshot.evidence.items() if one.status is not EvidenceStatus.FAILED]
        try:
            given = await self._called(handler, handler.find, lambda: view(snapshot), within, read)
            found = words.findings(handler.name, given, [ALERTS, *observed], known)
        except RequestError as error:
            return (), Evidence(source, EvidenceStatus.FAILED, f"{source} unavailable", snapshot.now, {}, str(error))
        status = EvidenceStatus.OK if found else EvidenceStatus.EMPTY
        said = f"{len(found)} finding{'s' * (len(found) != 1)}" if found else "found nothing"
        return found, Evidence(source, status, said, snapshot.now)

    async def _called(
        self,
        handler: Handler,
        call: Call | None,
        given: Callable[[], Any],
        within: float,
        read: Callable[[Any], Any] = lambda returned: returned,
    ) -> Any:
        try:
            async with asyncio.timeout(within):
                return await self._calls.plain(handler.name, _callable(call), given, read)
        except TimeoutError:
            raise RequestError(f"No answer within {within:g} s.") from None


def _callable(call: Call | None) -> Call:
    if call is None:  # whoever asks looked first
        raise RequestError("The handler has no such method.")
    return call


def _enriched(returned: Any) -> Mapping[str, Any]:
    given = returned.get("enriched_data") if isinstance(returned, Mapping) else None
    if given is None:
        raise RequestError("The handler returned no item with enriched_data.")
    return given if isinstance(given, Mapping) else {"data": given}


def _shown(finding: Finding) -> dict[str, Any]:
    return {
        "cause": finding.cause.value,
        "detail": finding.detail,
        "text": finding.sentence,
        "confidence": finding.confidence.value,
    }


def _summary(data: Mapping[str, Any]) -> str:
    shown = [f"{key} {value}" for key, value in data.items() if isinstance(value, str | int | float)]
    return ", ".join(shown[:4])[:200] or ("nothing" if not data else f"{len(data)} values")
