"""Every verb that a person can ask for, in one place: what ``commands`` may call, and nothing else.

It refuses to hold logic: each method hands on to the stage that owns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.answer import Answer, TimelineRow
from bot.domain.approval import Principal
from bot.domain.home import Home
from bot.domain.incident import Incident
from bot.domain.mitigation import Action
from bot.domain.note import Brought, Noting, Pin, PinNews, Seen
from bot.domain.owed import DueWork
from bot.domain.person import SlackPerson
from bot.domain.proposal import Proposal
from bot.domain.redaction import redact
from bot.domain.severity import Severity
from bot.domain.silence import SilencePreview
from bot.domain.target import Target
from bot.storage import incidents, notes, outbox, people, proposals
from bot.storage.db import Lane, Tx
from bot.workflow import (
    alone,
    breaking,
    changing,
    decide,
    freezing,
    home,
    lending,
    noting,
    owing,
    pinning,
    requests,
    silences,
    story,
    targets,
    verify,
)
from bot.workflow.context import Context


class Workflow:
    """The verbs, bound to one process's context. What people write passes redaction here, before anything is stored."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lists = targets.TargetLists()

    async def principal(self, person: SlackPerson) -> Principal:
        """The one principal that a Slack person is, with the approver groups they are in."""
        return await self._ctx.store.transact(_principal, self._ctx, person, lane=Lane.PRESS)

    async def approve(self, proposal_id: int, principal: Principal, reason: str = "") -> Answer:
        """See ``decide.approve``."""
        return await decide.approve(self._ctx, proposal_id, principal, redact(reason))

    async def deny(self, proposal_id: int, principal: Principal, reason: str) -> Answer:
        """See ``decide.deny``."""
        return await decide.deny(self._ctx, proposal_id, principal, redact(reason))

    async def change(self, proposal_id: int, principal: Principal, value: str) -> Answer:
        """See ``changing.change``."""
        return await changing.change(self._ctx, proposal_id, principal, value)

    async def stop(self, proposal_id: int, principal: Principal) -> Answer:
        """See ``alone.stop``."""
        return await alone.stop(self._ctx, proposal_id, principal)

    async def break_glass(self, proposal_id: int, principal: Principal, reason: str) -> Answer:
        """See ``breaking.break_glass``."""
        return await breaking.break_glass(self._ctx, proposal_id, principal, redact(reason))

    async def request_again(self, proposal_id: int, principal: Principal) -> Answer:
        """See ``decide.request_again``."""
        return await decide.request_again(self._ctx, proposal_id, principal)

    async def freeze(self, principal: Principal, reason: str) -> Answer:
        """See ``freezing.freeze``."""
        return await freezing.freeze(self._ctx, principal, redact(reason))

    async def home(self, principal: Principal) -> Home:
        """See ``home.home``."""
        return await home.home(self._ctx, principal)

    async def thaw(self, principal: Principal) -> Answer:
        """See ``freezing.thaw``."""
        return await freezing.thaw(self._ctx, principal)

    async def acknowledge(self, incident_id: int, principal: Principal) -> Answer:
        """See ``requests.acknowledge``."""
        return await requests.acknowledge(self._ctx, incident_id, principal)

    async def resolve(self, incident_id: int, principal: Principal, reason: str) -> Answer:
        """See ``close.resolve``."""
        return await requests.resolve(self._ctx, incident_id, principal, redact(reason))

    async def keep_open(self, incident_id: int, principal: Principal) -> Answer:
        """See ``requests.keep_open``."""
        return await requests.keep_open(self._ctx, incident_id, principal)

    async def measure_again(self, incident_id: int, principal: Principal) -> Answer:
        """See ``verify.measure_again``."""
        return await verify.measure_again(self._ctx, incident_id, principal)

    async def choose_target(self, incident_id: int, target_key: str, principal: Principal) -> Answer:
        """See ``requests.choose_target``."""
        return await requests.choose_target(self._ctx, incident_id, target_key, principal)

    async def silence_preview(self, incident_id: int, principal: Principal) -> SilencePreview:
        """See ``silences.preview``."""
        return await silences.preview(self._ctx, incident_id, principal)

    async def silence(
        self, incident_id: int, principal: Principal, lasting: timedelta, comment: str, digest: str
    ) -> Answer:
        """See ``silences.ask``."""
        return await silences.ask(self._ctx, incident_id, principal, lasting, redact(comment), digest)

    async def lend(self, artifact_id: int, principal: Principal) -> Answer:
        """See ``lending.lend``."""
        return await lending.lend(self._ctx, artifact_id, principal)

    async def unsilence(self, incident_id: int, principal: Principal) -> Answer:
        """See ``silences.unsilence``."""
        return await silences.unsilence(self._ctx, incident_id, principal)

    async def open_card(self, incident_id: int, principal: Principal) -> Answer:
        """See ``requests.open_card``."""
        return await requests.open_card(self._ctx, incident_id, principal)

    async def declare(
        self, principal: Principal, title: str, severity: Severity, namespace: str, service: str, form: str = ""
    ) -> Answer:
        """See ``requests.declare``."""
        return await requests.declare(self._ctx, principal, redact(title), severity, namespace, service, form)

    async def declare_from(
        self, principal: Principal, title: str, severity: Severity, namespace: str, service: str, brought: Brought
    ) -> Answer:
        """See ``noting.declare``."""
        given = (redact(title), severity, namespace, service, _redacted(brought))
        return await noting.declare(self._ctx, principal, *given)

    async def noting(self, principal: Principal, brought: Brought) -> Noting | Answer:
        """See ``noting.look``."""
        return await noting.look(self._ctx, principal, brought)

    async def note(self, principal: Principal, incident_id: int, brought: Brought) -> Answer:
        """See ``noting.note``."""
        return await noting.note(self._ctx, principal, incident_id, _redacted(brought))

    async def retract(self, principal: Principal, brought: Brought) -> Answer:
        """See ``noting.retract``."""
        return await noting.retract(self._ctx, principal, brought)

    async def restart(self, principal: Principal, target_text: str) -> Answer:
        """``act`` for a restart, which takes nothing."""
        return await self.act(principal, Action.RESTART, target_text)

    async def act(
        self,
        principal: Principal,
        action: Action,
        target_text: str,
        wanted: Mapping[str, str] | None = None,
        then: Sequence[tuple[Action, Mapping[str, str]]] = (),
    ) -> Answer:
        """See ``requests.act``."""
        return await requests.act(self._ctx, principal, action, target_text, wanted, then)

    async def verify(self, principal: Principal, target_text: str) -> Answer:
        """See ``requests.look``."""
        return await requests.look(self._ctx, principal, target_text)

    async def refused(self, principal: Principal, asked: str, reason: str) -> Answer:
        """Writes down a request that the listener itself had to refuse."""
        return await requests.refused(self._ctx, principal, redact(asked), redact(reason))

    async def unidentified(self, slack_id: str, asked: str, reason: str) -> Answer:
        """Writes down a request that was refused because Slack didn't say who asks."""
        return await requests.unidentified(self._ctx, slack_id, redact(asked), redact(reason))

    async def heard(self, news: PinNews) -> None:
        """See ``pinning.heard``."""
        await pinning.heard(self._ctx, news)

    async def pin(self, pin_id: int) -> Pin:
        """One 📌; ``NotFoundError`` if there is none."""
        return await self._ctx.store.read(notes.pin, pin_id)

    async def settle_pin(self, work: DueWork, principal: Principal, seen: Seen) -> Answer | None:
        """See ``pinning.settle``."""
        return await pinning.settle(self._ctx, work, principal, replace(seen, text=redact(seen.text)))

    async def put_off_pin(self, work: DueWork, wait: float, error: str) -> None:
        """See ``pinning.put_off``."""
        await pinning.put_off(self._ctx, work, wait, error)

    async def asked_pin(self, pin_id: int) -> None:
        """See ``pinning.asked``."""
        await pinning.asked(self._ctx, pin_id)

    async def choose_incident(self, pin_id: int, incident_id: int, principal: Principal, seen: Seen) -> Answer:
        """See ``pinning.choose``."""
        return await pinning.choose(self._ctx, pin_id, incident_id, principal, replace(seen, text=redact(seen.text)))

    async def list_open(self) -> list[Incident]:
        """Open incidents, the worst first, of one severity the newest."""
        return await self._ctx.store.read(incidents.list_open, pinning.COUNTED)

    async def show(self, incident_id: int) -> tuple[Incident, list[Proposal], list[TimelineRow]]:
        """One incident with its proposals and its story from the audit; ``NotFoundError`` if there is none."""
        return await self._ctx.store.read(_show, incident_id)

    async def incident_at(self, channel: str, ts: str) -> int | None:
        """The incident whose card or thread message this is."""
        row = await self._ctx.store.read(outbox.by_message, channel, ts)
        return row.subject if row is not None and row.kind in pinning.OF_INCIDENT else None

    async def card_at(self, incident_id: int) -> tuple[str, str] | None:
        """(channel, ts) of an incident's card, None while it isn't posted."""
        return await self._ctx.store.read(outbox.posted, owing.card_key(incident_id))

    async def proposal(self, proposal_id: int) -> Proposal:
        """One proposal; ``NotFoundError`` if there is none."""
        return await self._ctx.store.read(proposals.get, proposal_id)

    async def namespaces(self) -> list[str]:
        """For pickers."""
        return await self._lists.namespaces(self._ctx)

    async def workloads(self, namespace: str, query: str) -> list[Target]:
        """For pickers."""
        return await self._lists.workloads(self._ctx, namespace, query)


def _redacted(brought: Brought) -> Brought:
    return replace(brought, seen=replace(brought.seen, text=redact(brought.seen.text)))


def _principal(tx: Tx, ctx: Context, person: SlackPerson) -> Principal:
    principal_id = people.person_for(tx, person.slack_id, person.name, ctx.clock())
    if ctx.settings.wants_emails:  # the claim of an execution asks again, and nobody presses then
        people.keep_email(tx, principal_id, person.email)
    groups = tuple(group for group, (members, _, _) in people.groups(tx).items() if person.slack_id in members)
    return Principal(
        principal_id,
        person.slack_id,
        person.name,
        restricted=person.restricted,
        stranger=person.stranger,
        bot=person.bot,
        deleted=person.deleted,
        groups=groups,
        email=person.email,
    )


def _show(tx: Tx, incident_id: int) -> tuple[Incident, list[Proposal], list[TimelineRow]]:
    incident = incidents.get(tx, incident_id)
    return incident, proposals.of_incident(tx, incident_id), story.rows(tx, incident_id)
