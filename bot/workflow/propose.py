"""From evidence to a proposal a person can press, or to a recorded sentence why there is none.

A proposal holds everything that was shown: the texts, the digest of the target's state, the baseline that
verification will compare to. It refuses to guess: what policy denies or can't read becomes a record without buttons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain import aftermath
from bot.domain.audit import AuditNote
from bot.domain.decision import Decision, Rule
from bot.domain.errors import FettleError
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.mitigation import Action, Preview, traits_of
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState, ProposalText, TargetState, staleness_digest
from bot.domain.target import Target
from bot.mitigations import catalog
from bot.playbooks.chosen import Planned
from bot.playbooks.schema import Alone
from bot.policy import guardrails
from bot.policy.approvers import policy_text
from bot.storage import due, evidence, executions, incidents, people, proposals
from bot.storage.db import Tx
from bot.verification import measure, metrics
from bot.workflow import (
    again,
    alone,
    autonomy,
    close,
    concluded,
    entitled,
    facts,
    measuring,
    nudge,
    owing,
    picking,
    ruled,
)
from bot.workflow.context import Context

NOTHING = "none"
"""The action of a record that says why nothing is proposed."""

RATES = frozenset({Rule.COOLDOWN, Rule.RATE, Rule.BREAKER})
PASSING = RATES | {Rule.UNREADABLE, Rule.ROLLING_OUT, Rule.FROZEN, Rule.WINDOW, Rule.RIGHTS, Rule.IN_FLIGHT}
"""Reasons that pass by themselves, or with a person's hand elsewhere: what they refused is looked at again."""
AGAIN, LAST_AGAIN = timedelta(seconds=20), timedelta(minutes=5)
"""The first wait before looking again, and the longest: each is twice the one before."""
DRY_RUNS = 8
"""So often a dry run that wasn't answered (an admission webhook that is down) is tried, over 20 minutes or so."""


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
    line: Evidence | None = None
    """What a handler that was asked to pick said."""


async def propose(ctx: Context, work: DueWork) -> None:
    """Makes the proposal for incident ``work.subject``; ``params`` may hold ``requested_by`` and ``action``."""
    incident, found, busy = await ctx.store.read(_load, work.subject)
    if not incident.open or busy:
        await ctx.store.transact(due.done, work)
        return
    # Right after a look what that read serves; a proposal that is asked for again is so because something changed.
    recent = not work.params
    draft = await _draft(ctx, incident, found, work.params, recent=recent)
    if recent and draft.reading is not None and draft.text.refusal:
        draft = await _draft(ctx, incident, found, work.params, recent=False)
    await ctx.store.transact(_save, ctx, work, draft)


def _load(tx: Tx, incident_id: int) -> tuple[Incident, concluded.Concluded, bool]:
    incident = incidents.get(tx, incident_id)
    busy = any(run.in_flight for run in executions.of_incident(tx, incident_id))
    return incident, concluded.of(tx, incident), busy


async def _draft(
    ctx: Context, incident: Incident, found: concluded.Concluded, params: Mapping[str, Any], *, recent: bool
) -> Draft:
    requested_by = str(params.get("requested_by", SYSTEM))
    undone = params.get(again.UNDO_OF)
    if incident.foreign_cluster or incident.target is None:
        why = incident.target_note or "no workload was found for these alerts"
        return Draft(NOTHING, ProposalText("No proposal", "", refusal=why), requested_by=requested_by)
    if requested_by != SYSTEM or undone:
        action = str(params.get("action", Action.RESTART))
        reading = await facts.gather(ctx, incident.target, action)
        why = f"Requested by a person for {reading.target.ref}."
        if undone:
            why = "What was done failed its verification; this undoes it."
        wanted = params.get("wanted") or {}
        draft = await _previewed(ctx, action, wanted, reading, why, requested_by)
        mark = {again.UNDO_OF: undone} if undone else {}
        return replace(draft, params=draft.params and {**draft.params, **mark}, wanted={**wanted, **mark})
    plan = concluded.planned(ctx, incident, found)
    if found.unread and not found.findings:
        plan = Planned(None, f"The evidence couldn't be read: {found.unread}")
    line: Evidence | None = None
    if found.snapshot is not None:
        plan, line = await picking.picked(ctx.handlers, replace(found.snapshot, now=ctx.clock()), plan)
    if plan.suggestion is None:
        text = ProposalText("No proposal", "", refusal=plan.why, by_hand=_by_hand(plan))
        return Draft(NOTHING, text, line=line)
    action = plan.suggestion.action
    reading = await facts.gather(ctx, incident.target, action, recent=recent)
    draft = await _previewed(ctx, action, plan.suggestion.params, reading, plan.why, requested_by, recent=recent)
    if draft.preview is None and draft.text.refusal and catalog.CATALOG[Action(action)].gives_way:
        draft = await _instead(ctx, plan, draft, incident.target, recent=recent)
    better = f"{_ended(draft.text.rationale)} {plan.advice}".strip() if plan.advice else draft.text.rationale
    text = replace(draft.text, rationale=better)
    return replace(
        draft, text=text, approvers=plan.approvers, expires=plan.expires, quorum=plan.quorum, line=line,
        # What is offered again was left to people once.
        alone=plan.alone if "requested_by" not in params else None,
    )  # fmt: skip


async def _instead(ctx: Context, plan: Planned, draft: Draft, target: Target, *, recent: bool) -> Draft:
    """The next that the playbook lets through, where the first can't be planned; what was against that is said."""
    first = plan.suggestion
    why = draft.text.refusal
    others = [one.suggestion for one in plan.weighed if one.possible and one.suggestion != first]
    for other in others:
        reading = await facts.gather(ctx, target, other.action, recent=recent)
        reason = f"{other.reason[:1].upper()}{other.reason[1:]}"
        rationale = f"{_ended(reason)} A {traits_of(draft.action).noun} would come first. {why}".strip()
        found = await _previewed(ctx, other.action, other.params, reading, rationale, draft.requested_by, recent=recent)
        if found.preview is not None and not found.text.refusal:
            return found
    by_hand = first.by_hand if first is not None else ""
    return replace(draft, text=replace(draft.text, by_hand=by_hand))


def _by_hand(plan: Planned) -> str:
    """The command of the first mitigation that only a person has."""
    return next((one.suggestion.by_hand for one in plan.weighed if one.missing), "")


async def _previewed(
    ctx: Context,
    action: str,
    wanted: Mapping[str, Any],
    reading: facts.Reading,
    rationale: str,
    requested_by: str,
    *,
    recent: bool = False,
) -> Draft:
    mitigation = catalog.CATALOG[Action(action)].reaching(ctx.sources)
    target = reading.target
    press = mitigation.press or mitigation.verb.capitalize()
    text = ProposalText(
        headline=f"{press} {target.label}", done="", verb=mitigation.verb, rationale=rationale, press=mitigation.press
    )
    if reading.state is None:  # policy says why: unreadable, or gone
        return Draft(action, text, reading, requested_by=requested_by)
    try:
        # What changed since the reading fails the dry run.
        cluster = ctx.cluster.recent() if recent else ctx.cluster
        params = await mitigation.plan(cluster, reading.state, wanted)
        preview = await mitigation.preview(
            cluster, reading.state, approved_at=ctx.clock(), execution_uid="preview", params=params
        )
    except FettleError as error:
        text = replace(text, refusal=str(error))
        return Draft(action, text, reading, None, error.retry, requested_by)
    text = replace(
        text,
        headline=mitigation.headline_for(target, params),
        done=mitigation.done_for(target, params),
        facts=preview.facts,
        consequence=preview.consequence,
        diff=preview.diff,
        undo=mitigation.inverse(reading.state, params),
        warnings=preview.warnings,
        refusal=preview.problem,
    )
    return Draft(action, text, reading, preview, preview.passing, requested_by, params=params)


def _save(tx: Tx, ctx: Context, work: DueWork, draft: Draft) -> None:
    now = ctx.clock()
    incident = incidents.get(tx, work.subject)
    if not incident.open or any(run.in_flight for run in executions.of_incident(tx, incident.id)):
        due.done(tx, work)
        return
    meant = incident.target.key if incident.target else ""
    if draft.reading is not None and draft.reading.target.key != meant:
        due.done(tx, work)  # somebody chose another target meanwhile, and owed its own look
        return
    if draft.line is not None:
        evidence.put(tx, incident.id, draft.line)
        owing.evidence(tx, incident, now)
    if draft.action == NOTHING or draft.reading is None:
        # A record stands in for a proposal; a pending one that a person already sees is left alone.
        decision = Decision()
        if not _pending(tx, incident):
            close.supersede_pending(tx, incident.id, "looked at again", now)
            _record(tx, incident, draft, decision, now)
        owing.card(tx, incident, Priority.NEW_CARD, now)
    else:
        decision = _offer(tx, ctx, incident, draft, now)
    tries = work.params.get("tries", 0)
    tries = tries if isinstance(tries, int) else 0
    if not _passing(decision, unanswered=draft.unanswered and tries < DRY_RUNS):
        due.done(tx, work)
        return
    wait = min(AGAIN * 2 ** min(tries, 10), LAST_AGAIN)
    due.later(tx, work, now + wait, params={**work.params, "tries": tries + 1})


def _passing(decision: Decision, *, unanswered: bool) -> bool:
    """Refused for nothing that lasts; observing is no reason against, so that it doesn't count."""
    rules = {reason.rule for reason in decision.reasons} - {Rule.MODE}
    return (bool(rules) or unanswered) and rules <= PASSING


def _offer(tx: Tx, ctx: Context, incident: Incident, draft: Draft, now: datetime) -> Decision:
    """Stores the proposal, or the record of what is against it; policy's word on it."""
    reading = draft.reading
    if reading is None:
        return Decision()
    state = reading.state
    digest = staleness_digest(draft.action, draft.params, state) if state is not None else ""
    if digest and any(_still_shown(old, draft.action, digest, now) for old in _pending(tx, incident)):
        return Decision()
    rules = ruled.narrowed(ctx, incident, draft.action, reading.target, state)
    approvers, nobody = entitled.who_may(tx, ctx, incident, draft.action, draft.approvers, reading, now)
    asked = facts.Asked(draft.requested_by != SYSTEM, undo=again.UNDO_OF in draft.params)
    at = guardrails.Point.PROPOSE
    decision = facts.check(tx, ctx, reading, incident, draft.action, at, asked=asked, params=draft.params) + nobody
    refused = not decision.allowed or bool(draft.text.refusal) or state is None
    if refused and _stands(tx, incident, draft, _refusal(draft, decision)):
        return decision  # the card says it already
    close.supersede_pending(tx, incident.id, "a newer proposal takes its place", now)
    owing.card(tx, incident, Priority.NEW_CARD, now)
    if refused or state is None:
        _record(tx, incident, draft, decision, now)
        return decision
    ttl, quorum = ctx.settings.APPROVAL_TTL, max(draft.quorum, rules.quorum)
    expires_at = now + min(ttl, draft.expires or ttl, rules.expires or ttl)
    against = Decision()
    if draft.alone is not None:
        against = autonomy.check(tx, ctx, incident, draft.action, now, state=state, expires_at=expires_at)
    warnings = draft.text.warnings + decision.warnings + entitled.narrowed_by(reading) + _not_alone(against)
    text = replace(
        draft.text,
        policy=policy_text(approvers, quorum, people.group_names(tx), rules.names),
        rules=rules.names,
        asks_reason=bool(rules.wants_reason),
        warnings=tuple(dict.fromkeys(warnings)),
    )
    proposal = proposals.add(
        tx,
        incident.id,
        action=draft.action,
        target=state.target,
        params=dict(draft.params),
        digest=digest,
        state=ProposalState.PENDING,
        text=text,
        requested_by=draft.requested_by,
        now=now,
        expires_at=expires_at,
        quorum=quorum,
        approvers=approvers,
        baseline=_baseline(ctx, incident, reading, state),
    )
    due.owe(tx, Stage.EXPIRE, proposal.id, expires_at)
    nudge.owe(tx, proposal, rules.nudge, now)
    detail = {"digest": digest, "headline": text.headline, "facts": text.facts, "rationale": text.rationale}
    if rules.names:
        detail["policies"] = ", ".join(rules.names)
    _entry(tx, "proposal:state:proposed", draft.requested_by, proposal, "pending", detail, now)
    if draft.alone is not None and against.allowed:
        alone.announce(tx, ctx, incident, proposal, draft.alone, now)
    return decision


def _baseline(ctx: Context, incident: Incident, reading: facts.Reading, state: TargetState) -> dict[str, Any]:
    """What verification compares to, and the target as it was for the look back."""
    checks = measuring.planned(ctx.playbooks.current.get(incident.playbook))
    return {**measure.baseline(state), metrics.CHECKS: checks, **_before(reading)}


def _not_alone(against: Decision) -> tuple[str, ...]:
    """A line for the card where the playbook would let Fettle act by itself and something is against it."""
    return (f"Not without an approval, though the playbook lets me: {against.sentence}",) if against.reasons else ()


def _record(tx: Tx, incident: Incident, draft: Draft, decision: Decision, now: datetime) -> None:
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
    return " ".join(_ended(part) for part in (draft.text.refusal, *against) if part)


def _ended(text: str) -> str:
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


def _pending(tx: Tx, incident: Incident) -> list[Proposal]:
    return [old for old in proposals.of_incident(tx, incident.id) if old.state is ProposalState.PENDING]


def _entry(
    tx: Tx, tag: str, actor: str, proposal: Proposal, outcome: str, detail: Mapping[str, Any], now: datetime
) -> None:
    tx.audit(AuditNote(tag, actor, f"proposal:{proposal.id}", outcome, proposal.incident_id, detail), now)
