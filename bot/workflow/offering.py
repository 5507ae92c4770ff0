"""What was drafted becomes a proposal that a person can press, or a record of every reason against it.

One transaction: policy's word on the reading, what it supersedes, the row, the audit entry and the card. It refuses to
read the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain import aftermath
from bot.domain.audit import AuditNote
from bot.domain.decision import Decision, Rule, deny
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.mitigation import Preview
from bot.domain.owed import Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState, ProposalText, Step, TargetState, staleness_digest
from bot.playbooks.schema import Alone
from bot.policy import glass, guardrails
from bot.policy.approvers import least, policy_text
from bot.storage import due, people, proposals
from bot.storage.db import Tx
from bot.verification import measure, metrics
from bot.workflow import (
    again,
    alone,
    autonomy,
    close,
    entitled,
    facts,
    measuring,
    nudge,
    owing,
    ruled,
    steps,
    vouching,
)
from bot.workflow.context import Context

NOTHING = "none"
"""The action of a record that says why nothing is proposed."""


@dataclass(frozen=True)
class Draft:
    """What is to be stored: action, texts, and whether the cluster's own dry run went through.

    ``approvers``, ``expires`` and ``quorum`` are the playbook's, where it narrows the settings; ``alone`` where it lets
    Fettle act without a person.
    ``unanswered`` says that the dry run came to nothing for a reason that passes.
    """

    action: str
    text: ProposalText
    reading: facts.Reading | None = None
    preview: Preview | None = None
    unanswered: bool = False
    requested_by: str = SYSTEM
    approvers: tuple[str, ...] = ()
    expires: timedelta | None = None
    quorum: int = 1
    alone: Alone | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """What a person or an undo asked for: kept where it is refused, so that it can be asked for again."""
    broken: glass.Broken = glass.NOBODY
    """Who broke the glass for it."""
    line: Evidence | None = None
    """What a handler that was asked to pick said."""
    meant: str = ""
    """Key of the incident's target when this was drafted; the action may be about another object."""
    steps: tuple[Step, ...] = ()
    """All of them where there are several; ``text`` is then the whole's."""
    readings: tuple[facts.Reading, ...] = ()
    """One for each of the steps."""

    @property
    def actions(self) -> tuple[str, ...]:
        """Of every step, in their order."""
        return tuple(one.action for one in self.steps) or (self.action,)

    @property
    def asked(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """(action, parameters) of every step."""
        return tuple((one.action, one.params) for one in self.steps) or ((self.action, self.params),)

    def cut(self, why: str) -> Draft:
        """The first step alone; ``why`` the others can't follow is a warning."""
        first, *others = self.steps
        named = ", then ".join(lower(one.text.headline) for one in others)
        warnings = (*first.text.warnings, f"Nothing follows it. To {named}: {why}")
        return replace(self, text=replace(first.text, warnings=warnings), steps=(), readings=())


def offer(tx: Tx, ctx: Context, incident: Incident, draft: Draft, now: datetime) -> Decision:
    """Stores the proposal, or the record of what is against it; policy's word on it."""
    reading = draft.reading
    if reading is None:
        return Decision()
    state = reading.state
    asked = facts.Asked(draft.requested_by != SYSTEM, again.UNDO_OF in draft.params, draft.broken)
    draft, decision = _weighed(tx, ctx, incident, draft, reading, asked)
    digest = staleness_digest(draft.action, draft.params, state, draft.steps[1:]) if state is not None else ""
    if digest and any(_still_shown(old, draft.action, digest, now) for old in pending(tx, incident)):
        return Decision()
    if _own_wish(draft) and any(_asked(old, now) for old in pending(tx, incident)):
        return Decision()  # what a person asked for isn't taken away by what would help as well
    rules = ruled.narrowed(ctx, incident, draft.actions, reading.target, state)
    approvers, nobody = entitled.who_may(tx, ctx, incident, draft.actions, draft.approvers, reading, now)
    decision += nobody
    refused = not decision.allowed or bool(draft.text.refusal) or state is None
    if refused and _stands(tx, incident, draft, _refusal(draft, decision)):
        return decision  # the card says it already
    close.supersede_pending(tx, incident.id, "a newer proposal takes its place", now)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    if refused or state is None:
        record(tx, incident, _held(ctx, draft, decision), decision, now)
        return decision
    ttl, quorum = ctx.settings.APPROVAL_TTL, least(draft.actions, max(draft.quorum, rules.quorum))
    expires_at = now + min(ttl, draft.expires or ttl, rules.expires or ttl)
    against = _against_alone(tx, ctx, incident, draft, state, expires_at, now)
    warnings = draft.text.warnings + decision.warnings + entitled.narrowed_by(reading) + _not_alone(against)
    warnings += vouching.line(ctx, state.target, draft.asked)
    text = replace(
        draft.text,
        policy=policy_text(approvers, quorum, people.group_names(tx), rules.names) + _lasting(ctx, draft),
        rules=rules.names, asks_reason=bool(rules.wants_reason), warnings=tuple(dict.fromkeys(warnings)),
    )  # fmt: skip
    proposal = proposals.add(
        tx, incident.id, action=draft.action, target=state.target, params=dict(draft.params), digest=digest,
        state=ProposalState.PENDING, text=text, requested_by=draft.requested_by, now=now, expires_at=expires_at,
        quorum=quorum, approvers=approvers, baseline=_baseline(ctx, incident, draft, reading, state),
        steps=draft.steps,
    )  # fmt: skip
    due.owe(tx, Stage.EXPIRE, proposal.id, expires_at)
    nudge.owe(tx, proposal, rules.nudge, now)
    detail: dict[str, Any] = {
        "digest": digest, "headline": text.headline, "facts": text.facts, "rationale": text.rationale,
        **({"steps": [one.text.headline for one in draft.steps]} if draft.steps else {}),
        **({"policies": ", ".join(rules.names)} if rules.names else {}),
    }  # fmt: skip
    _entry(tx, "proposal:state:proposed", draft.requested_by, proposal, "pending", detail, now)
    if draft.alone is not None and against.allowed:
        alone.announce(tx, ctx, incident, proposal, draft.alone, now)
    return decision


def _weighed(
    tx: Tx, ctx: Context, incident: Incident, draft: Draft, reading: facts.Reading, asked: facts.Asked
) -> tuple[Draft, Decision]:
    """Policy's word on every step. What an alert leads to goes without those after the first that are refused."""
    at = guardrails.Point.PROPOSE
    first = facts.check(tx, ctx, reading, incident, draft.action, at, asked=asked, params=draft.params)
    after = Decision()
    for step, seen in zip(draft.steps[1:], draft.readings[1:], strict=True):
        after += facts.check(tx, ctx, seen, incident, step.action, at, asked=asked, params=step.params)
    alone = first.allowed and not draft.text.refusal and not after.allowed and _own_wish(draft)
    return (draft.cut(after.sentence), first) if alone else (draft, steps.once(first + after))


def _held(ctx: Context, draft: Draft, decision: Decision) -> Draft:
    """The draft that says whether breaking the glass would override all that is against it."""
    gives_way = bool(ctx.settings.POLICY.break_glass) and not draft.text.refusal and glass.gives_way(decision)
    return replace(draft, text=replace(draft.text, breakable=gives_way))


def _baseline(
    ctx: Context, incident: Incident, draft: Draft, reading: facts.Reading, state: TargetState
) -> dict[str, Any]:
    """What verification compares to, the target as it was for the look back, and who broke the glass."""
    checks = measuring.planned(ctx, ctx.playbooks.current.get(incident.playbook), state.target)
    broken = {glass.BROKEN: draft.broken.kept()} if draft.broken.by else {}
    return {**measure.baseline(state), metrics.CHECKS: checks, **_before(reading), **broken}


def _lasting(ctx: Context, draft: Draft) -> str:
    """How long an approval is good for the steps after the first."""
    if not draft.steps:
        return ""
    each, whole = close.minutes(ctx.settings.APPROVAL_TTL), close.minutes(facts.STEPS_WITHIN)
    return f" · a later step begins within {each} of the verdict before it, and within {whole} of the approval"


def _against_alone(
    tx: Tx, ctx: Context, incident: Incident, draft: Draft, state: TargetState, expires_at: datetime, now: datetime
) -> Decision:
    """Why Fettle may not do by itself what the playbook would let it."""
    if draft.alone is None:
        return Decision()
    if draft.steps:
        return deny(Rule.AUTONOMY, "Several steps take a person.")
    return autonomy.check(tx, ctx, incident, draft.action, now, state=state, expires_at=expires_at)


def _not_alone(against: Decision) -> tuple[str, ...]:
    """A line for the card where the playbook would let Fettle act by itself and something is against it."""
    return (f"Not without an approval, though the playbook lets me: {against.sentence}",) if against.reasons else ()


def record(tx: Tx, incident: Incident, draft: Draft, decision: Decision, now: datetime) -> None:
    """A proposal without buttons: what would be proposed, and every reason against it."""
    refusal = _refusal(draft, decision)
    target = incident.target if draft.reading is None else draft.reading.target
    text = replace(draft.text, refusal=refusal)
    if target is None:
        # Nothing to hang a proposal on: the note of the incident says why.
        return
    proposal = proposals.add(
        tx,
        incident.id,
        action=draft.action,
        target=target,
        params=dict(draft.params or draft.wanted),
        digest="",
        state=ProposalState.RECORDED,
        text=text,
        requested_by=draft.requested_by,
        now=now,
        expires_at=None,
        quorum=1,
        approvers=(),
        baseline=_before(draft.reading),
        steps=draft.steps,
    )
    rules = [str(reason.rule) for reason in decision.reasons]
    detail = {"headline": text.headline, "refusal": refusal, "rules": rules}
    _entry(tx, "proposal:state:recorded", draft.requested_by, proposal, "recorded", detail, now)


def _before(reading: facts.Reading | None) -> dict[str, Any]:
    """The target as it was, for the look back at the end; nothing where it wasn't read."""
    if reading is None or reading.state is None:
        return {}
    return {aftermath.KEY: aftermath.before(reading.state, reading.pods)}


def _refusal(draft: Draft, decision: Decision) -> str:
    """Every reason against, each a whole sentence."""
    # Observing is no reason against: the card says what policy would say if Fettle might act.
    left_out = {Rule.MODE}
    unread = decision.has(Rule.GONE) or decision.has(Rule.UNREADABLE)
    if unread and draft.reading is not None and draft.reading.rights is None:
        left_out.add(Rule.RIGHTS)  # of what wasn't read nobody asks whether it may be restarted
    against = [reason.sentence for reason in decision.reasons if reason.rule not in left_out]
    return " ".join(ended(part) for part in (draft.text.refusal, *against) if part)


def lower(text: str) -> str:
    """The text as it goes on within a sentence."""
    return text[:1].lower() + text[1:]


def ended(text: str) -> str:
    """The text as a sentence that ends."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _stands(tx: Tx, incident: Incident, draft: Draft, refusal: str) -> bool:
    """The newest that the card shows is this very record: written again it would only be noise."""
    found = [old for old in proposals.of_incident(tx, incident.id) if old.created_at >= incident.episode_at]
    newest = max(found, key=lambda old: old.id, default=None)
    if newest is None or newest.state is not ProposalState.RECORDED or draft.reading is None:
        return False
    same = (newest.action, newest.target.key, newest.text.refusal, newest.requested_by)
    return same == (draft.action, draft.reading.target.key, refusal, draft.requested_by)


def _still_shown(old: Proposal, action: str, digest: str, now: datetime) -> bool:
    """The same proposal stands on the card and can still be pressed; the tick that expires it may be late."""
    return old.digest == digest and old.action == action and old.expires_at is not None and old.expires_at > now


def _own_wish(draft: Draft) -> bool:
    return draft.requested_by == SYSTEM and not again.marked(draft.params)


def _asked(old: Proposal, now: datetime) -> bool:
    kept = old.requested_by != SYSTEM or again.REST_OF in old.params
    return kept and old.expires_at is not None and old.expires_at > now


def pending(tx: Tx, incident: Incident) -> list[Proposal]:
    """The incident's proposals that wait for a person."""
    return [old for old in proposals.of_incident(tx, incident.id) if old.state is ProposalState.PENDING]


def _entry(
    tx: Tx, tag: str, actor: str, proposal: Proposal, outcome: str, detail: Mapping[str, Any], now: datetime
) -> None:
    tx.audit(AuditNote(tag, actor, f"proposal:{proposal.id}", outcome, proposal.incident_id, detail), now)
