# ruff: noqa: D102 - the Protocol in commands.verbs documents each verb
"""A small real workflow for listener tests: it records what was asked and answers what it was told to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.answer import Answer, TimelineRow
from bot.domain.approval import Principal
from bot.domain.errors import NotFoundError
from bot.domain.home import Home
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.note import Brought, Noting, Pin, PinNews, Seen
from bot.domain.owed import DueWork
from bot.domain.person import SlackPerson
from bot.domain.proposal import Proposal
from bot.domain.severity import Severity
from bot.domain.silence import SilencePreview
from bot.domain.target import Target
from bot.domain.verification import Check, CheckState, Verdict
from tests.unit.slack import card_views as views

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)


class FakeVerbs:
    """``asked`` lists (verb, arguments); ``answers`` maps a verb to what it says; ``broken`` to what it raises."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.offered: Proposal | None = None
        self.at_home = Home(views.NOW)
        self.answers: dict[str, Answer] = {}
        self.broken: dict[str, Exception] = {}
        self.incidents: list[Incident] = []
        self.people: list[SlackPerson] = []
        self.cards: dict[int, tuple[str, str]] = {}
        self.held: asyncio.Event | None = None
        self.preview = views.PREVIEW

    async def lend(self, artifact_id: int, principal: Principal) -> Answer:
        return await self._do("lend", artifact_id, principal.slack_id)

    async def _do(self, verb: str, *arguments: Any) -> Answer:
        self.asked.append((verb, *arguments))
        if self.held is not None:
            await self.held.wait()
        if verb in self.broken:
            raise self.broken[verb]
        return self.answers.get(verb, Answer(f"{verb} done", incident_id=42))

    async def principal(self, person: SlackPerson) -> Principal:
        self.people.append(person)
        return Principal(
            f"person:{person.slack_id}",
            person.slack_id,
            person.name,
            person.restricted,
            person.stranger,
            person.bot,
            person.deleted,
        )

    async def approve(self, proposal_id: int, principal: Principal, reason: str = "") -> Answer:
        return await self._do("approve", proposal_id, principal.slack_id, *([reason] if reason else []))

    async def break_glass(self, proposal_id: int, principal: Principal, reason: str) -> Answer:
        return await self._do("break_glass", proposal_id, principal.slack_id, reason)

    async def deny(self, proposal_id: int, principal: Principal, reason: str) -> Answer:
        return await self._do("deny", proposal_id, principal.slack_id, reason)

    async def change(self, proposal_id: int, principal: Principal, value: str) -> Answer:
        return await self._do("change", proposal_id, principal.slack_id, value)

    async def stop(self, proposal_id: int, principal: Principal) -> Answer:
        return await self._do("stop", proposal_id, principal.slack_id)

    async def request_again(self, proposal_id: int, principal: Principal) -> Answer:
        return await self._do("request_again", proposal_id, principal.slack_id)

    async def acknowledge(self, incident_id: int, principal: Principal) -> Answer:
        return await self._do("acknowledge", incident_id, principal.slack_id)

    async def resolve(self, incident_id: int, principal: Principal, reason: str) -> Answer:
        return await self._do("resolve", incident_id, principal.slack_id, reason)

    async def keep_open(self, incident_id: int, principal: Principal) -> Answer:
        return await self._do("keep_open", incident_id, principal.slack_id)

    async def measure_again(self, incident_id: int, principal: Principal) -> Answer:
        return await self._do("measure_again", incident_id, principal.slack_id)

    async def choose_target(self, incident_id: int, target_key: str, principal: Principal) -> Answer:
        return await self._do("choose_target", incident_id, target_key, principal.slack_id)

    async def silence_preview(self, incident_id: int, principal: Principal) -> SilencePreview:
        await self._do("silence_preview", incident_id, principal.slack_id)
        return self.preview

    async def silence(
        self, incident_id: int, principal: Principal, lasting: timedelta, comment: str, digest: str
    ) -> Answer:
        return await self._do("silence", incident_id, principal.slack_id, lasting, comment, digest)

    async def unsilence(self, incident_id: int, principal: Principal) -> Answer:
        return await self._do("unsilence", incident_id, principal.slack_id)

    async def open_card(self, incident_id: int, principal: Principal) -> Answer:
        return await self._do("open_card", incident_id, principal.slack_id)

    async def declare(
        self, principal: Principal, title: str, severity: Severity, namespace: str, service: str, form: str = ""
    ) -> Answer:
        assert form, "each form has its id"
        return await self._do("declare", principal.slack_id, title, severity, namespace, service)

    async def declare_from(
        self, principal: Principal, title: str, severity: Severity, namespace: str, service: str, brought: Brought
    ) -> Answer:
        return await self._do("declare_from", principal.slack_id, title, severity, namespace, service, brought)

    async def noting(self, principal: Principal, brought: Brought) -> Noting | Answer:
        return await self._do("noting", principal.slack_id, brought)

    async def note(self, principal: Principal, incident_id: int, brought: Brought) -> Answer:
        return await self._do("note", principal.slack_id, incident_id, brought)

    async def retract(self, principal: Principal, brought: Brought) -> Answer:
        return await self._do("retract", principal.slack_id, brought)

    async def restart(self, principal: Principal, target_text: str) -> Answer:
        return await self._do("restart", principal.slack_id, target_text)

    async def freeze(self, principal: Principal, reason: str) -> Answer:
        return await self._do("freeze", principal.slack_id, reason)

    async def home(self, principal: Principal) -> Home:
        self.asked.append(("home", principal.slack_id))
        return self.at_home

    async def thaw(self, principal: Principal) -> Answer:
        return await self._do("thaw", principal.slack_id)

    async def act(
        self,
        principal: Principal,
        action: Action,
        target_text: str,
        wanted: Mapping[str, str] | None = None,
        then: Sequence[tuple[Action, Mapping[str, str]]] = (),
    ) -> Answer:
        steps = [(str(one), dict(more)) for one, more in then]
        return await self._do("act", principal.slack_id, action, target_text, dict(wanted or {}), *steps)

    async def verify(self, principal: Principal, target_text: str) -> Answer:
        await self._do("verify", principal.slack_id, target_text)
        check = Check("rollout", CheckState.GOOD, "6/6 available", "6/6 available", NOW)
        return Answer("Deployment shop/api: pass", checks=(check,), verdict=Verdict.PASS)

    async def refused(self, principal: Principal, asked: str, reason: str) -> Answer:
        return await self._do("refused", principal.slack_id, asked, reason)

    async def unidentified(self, slack_id: str, asked: str, reason: str) -> Answer:
        return await self._do("unidentified", slack_id, asked, reason)

    async def heard(self, news: PinNews) -> None:
        await self._do("heard", news)

    async def pin(self, pin_id: int) -> Pin:
        return Pin(pin_id, "C0ONCALL", "1.0", "person:U0ANA", "U0ANA", on=True, note_id=0, heard_at=NOW)

    async def settle_pin(self, work: DueWork, principal: Principal, seen: Seen) -> Answer | None:
        return await self._do("settle_pin", work.subject, principal.slack_id, seen.on)

    async def put_off_pin(self, work: DueWork, wait: float, error: str) -> None:
        await self._do("put_off_pin", work.subject, wait, error)

    async def asked_pin(self, pin_id: int) -> None:
        await self._do("asked_pin", pin_id)

    async def choose_incident(self, pin_id: int, incident_id: int, principal: Principal, seen: Seen) -> Answer:
        return await self._do("choose_incident", pin_id, incident_id, principal.slack_id, seen.on)

    async def list_open(self) -> list[Incident]:
        return self.incidents

    async def show(self, incident_id: int) -> tuple[Incident, list[Proposal], list[TimelineRow]]:
        for incident in self.incidents:
            if incident.id == incident_id:
                rows = [TimelineRow(NOW, "ana", "incident acknowledged", "<!channel>")]
                return incident, [views.proposal()], rows
        raise NotFoundError(f"There is no incident INC-{incident_id}.")

    async def incident_at(self, channel: str, ts: str) -> int | None:
        return next((number for number, place in self.cards.items() if place == (channel, ts)), None)

    async def card_at(self, incident_id: int) -> tuple[str, str] | None:
        return self.cards.get(incident_id)

    async def proposal(self, proposal_id: int) -> Proposal:
        return self.offered or views.proposal(id=proposal_id)

    async def namespaces(self) -> list[str]:
        return ["shop", "shipping", "kube-system"]

    async def workloads(self, namespace: str, query: str) -> list[Target]:
        found = [Target("Deployment", namespace, "api"), Target("StatefulSet", namespace, "db")]
        return [target for target in found if query in target.name]
