"""The workflow as ``commands`` sees it: every verb that a press or a command may call, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from bot.domain.answer import Answer, TimelineRow
from bot.domain.approval import Principal
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


class Verbs(Protocol):
    """A refusal comes back as an ``Answer`` with ``ok`` false and is audited by the verb itself."""

    async def principal(self, person: SlackPerson) -> Principal:
        """The one principal that a Slack person is."""

    async def approve(self, proposal_id: int, principal: Principal, reason: str = "") -> Answer:
        """Approves a pending proposal; the answer may ask for a reason instead."""

    async def deny(self, proposal_id: int, principal: Principal, reason: str) -> Answer:
        """Rejects a pending proposal."""

    async def change(self, proposal_id: int, principal: Principal, value: str) -> Answer:
        """Proposes the same action with another value."""

    async def stop(self, proposal_id: int, principal: Principal) -> Answer:
        """Leaves to people what a playbook lets be done without an approval."""

    async def break_glass(self, proposal_id: int, principal: Principal, reason: str) -> Answer:
        """Overrides a freeze window or a rate, for one proposal."""

    async def request_again(self, proposal_id: int, principal: Principal) -> Answer:
        """Asks for a fresh proposal after one that expired."""

    async def freeze(self, principal: Principal, reason: str) -> Answer:
        """Turns the kill switch on."""

    async def home(self, principal: Principal) -> Home:
        """What a person sees on App Home."""

    async def thaw(self, principal: Principal) -> Answer:
        """Turns it off."""

    async def acknowledge(self, incident_id: int, principal: Principal) -> Answer:
        """Says who looks after an incident."""

    async def resolve(self, incident_id: int, principal: Principal, reason: str) -> Answer:
        """Closes an incident by a person's word."""

    async def keep_open(self, incident_id: int, principal: Principal) -> Answer:
        """Keeps an incident open after a pass."""

    async def measure_again(self, incident_id: int, principal: Principal) -> Answer:
        """Starts another verification."""

    async def choose_target(self, incident_id: int, target_key: str, principal: Principal) -> Answer:
        """Pins the workload that the alerts mean."""

    async def silence_preview(self, incident_id: int, principal: Principal) -> SilencePreview:
        """What a silence of an incident's alerts would match now."""

    async def silence(
        self, incident_id: int, principal: Principal, lasting: timedelta, comment: str, digest: str
    ) -> Answer:
        """Silences an incident's alerts, if what was shown (``digest``) is what would be matched."""

    async def lend(self, artifact_id: int, principal: Principal) -> Answer:
        """A link to a dump, for an hour."""

    async def unsilence(self, incident_id: int, principal: Principal) -> Answer:
        """Ends the silence of an incident."""

    async def open_card(self, incident_id: int, principal: Principal) -> Answer:
        """Takes an incident out of the digest."""

    async def declare(
        self, principal: Principal, title: str, severity: Severity, namespace: str, service: str, form: str = ""
    ) -> Answer:
        """Declares an incident without an alert; the form with this id declares one, however often it arrives."""

    async def declare_from(
        self, principal: Principal, title: str, severity: Severity, namespace: str, service: str, brought: Brought
    ) -> Answer:
        """The same from a message, which is noted in its timeline."""

    async def noting(self, principal: Principal, brought: Brought) -> Noting | Answer:
        """What the form offers that adds a message to a timeline; an answer where nothing can be noted."""

    async def note(self, principal: Principal, incident_id: int, brought: Brought) -> Answer:
        """Adds a message to an incident's timeline."""

    async def retract(self, principal: Principal, brought: Brought) -> Answer:
        """Ends this person's hold on a message in a timeline."""

    async def restart(self, principal: Principal, target_text: str) -> Answer:
        """``act`` for a restart, which takes nothing."""

    async def act(
        self,
        principal: Principal,
        action: Action,
        target_text: str,
        wanted: Mapping[str, str] | None = None,
        then: Sequence[tuple[Action, Mapping[str, str]]] = (),
    ) -> Answer:
        """Asks for an action, with parameters as a person wrote them; with ``then`` it becomes one proposal of all."""

    async def verify(self, principal: Principal, target_text: str) -> Answer:
        """Measures a workload now; the answer has ``checks``."""

    async def refused(self, principal: Principal, asked: str, reason: str) -> Answer:
        """Writes down a request that a listener refused."""

    async def unidentified(self, slack_id: str, asked: str, reason: str) -> Answer:
        """Writes down a request of somebody of whom Slack told nothing."""

    async def heard(self, news: PinNews) -> None:
        """Keeps that somebody put 📌 on a message or took it off; what comes of it is owed."""

    async def pin(self, pin_id: int) -> Pin:
        """One 📌; ``NotFoundError`` if there is none."""

    async def settle_pin(self, work: DueWork, principal: Principal, seen: Seen) -> Answer | None:
        """What becomes of a 📌 whose message was looked at; None where there is nothing to say."""

    async def put_off_pin(self, work: DueWork, wait: float, error: str) -> None:
        """Slack couldn't be asked: again after ``wait`` seconds."""

    async def asked_pin(self, pin_id: int) -> None:
        """Whoever pinned was asked which incident is meant."""

    async def choose_incident(self, pin_id: int, incident_id: int, principal: Principal, seen: Seen) -> Answer:
        """Notes the message in the timeline of the incident that was chosen."""

    async def list_open(self) -> list[Incident]:
        """Open incidents."""

    async def show(self, incident_id: int) -> tuple[Incident, list[Proposal], list[TimelineRow]]:
        """One incident with its story; ``NotFoundError`` if there is none."""

    async def incident_at(self, channel: str, ts: str) -> int | None:
        """The incident of a card or thread message."""

    async def card_at(self, incident_id: int) -> tuple[str, str] | None:
        """(channel, ts) of an incident's card, None while it isn't posted."""

    async def proposal(self, proposal_id: int) -> Proposal:
        """One proposal; ``NotFoundError`` if there is none."""

    async def namespaces(self) -> list[str]:
        """For pickers, within 2 s."""

    async def workloads(self, namespace: str, query: str) -> list[Target]:
        """For pickers, within 2 s."""
