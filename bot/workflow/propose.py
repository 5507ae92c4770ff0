"""From evidence to a proposal a person can press, or to a recorded sentence why there is none.

A proposal holds everything that was shown: the texts, the digest of the target's state, the baseline that
verification will compare to. It refuses to guess: what policy denies or can't read becomes a record without buttons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.alert import UNBOUND
from bot.domain.decision import Decision, Rule
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.mitigation import Action, traits_of
from bot.domain.owed import DueWork, Priority
from bot.domain.proposal import SYSTEM, ProposalText
from bot.domain.target import Target
from bot.mitigations import catalog
from bot.playbooks.chosen import Planned
from bot.storage import due, evidence, executions, incidents
from bot.storage.db import Tx
from bot.workflow import (
    again,
    breaking,
    close,
    concluded,
    facts,
    offering,
    owing,
    picking,
)
from bot.workflow.context import Context
from bot.workflow.drafted import aimed, followed, previewed
from bot.workflow.offering import NOTHING, Draft

RATES = frozenset({Rule.COOLDOWN, Rule.RATE, Rule.BREAKER})
PASSING = RATES | {
    Rule.UNREADABLE, Rule.ROLLING_OUT, Rule.FROZEN, Rule.WINDOW, Rule.RIGHTS, Rule.IN_FLIGHT, Rule.BUDGET,
}  # fmt: skip
"""Reasons that pass by themselves, or with a person's hand elsewhere: what they refused is looked at again."""
AGAIN, LAST_AGAIN = timedelta(seconds=20), timedelta(minutes=5)
"""The first wait before looking again, and the longest: each is twice the one before."""
DRY_RUNS = 8
"""So often a dry run that wasn't answered (an admission webhook that is down) is tried, over 20 minutes or so."""


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
    marks = again.marked(params)
    if incident.foreign_cluster or incident.target is None:
        why = incident.target_note or "no workload was found for these alerts"
        return Draft(NOTHING, ProposalText("No proposal", "", refusal=why), requested_by=requested_by)
    if requested_by != SYSTEM or marks:
        action = str(params.get("action", Action.RESTART))
        wanted = params.get("wanted") or {}
        reading = await facts.gather(ctx, aimed(incident.target, action, wanted), action)
        why = f"Requested by a person for {reading.target.ref}."
        if marks:
            why = str(params.get(again.WHY) or again.FAILED)
        draft = await previewed(ctx, action, wanted, reading, why, requested_by)
        draft = replace(draft, params=draft.params and {**draft.params, **marks}, wanted={**wanted, **marks})
        then = [(one["action"], one["wanted"]) for one in params.get(again.THEN, ())]
        draft = await followed(ctx, incident.target, draft, then, recent=False)
        return replace(draft, meant=incident.target.key)
    if incident.key.startswith(UNBOUND):
        sender = incident.key.removeprefix(UNBOUND).partition("\x1f")[0]
        why = f"The alerts came with the webhook token {sender[:31]}, which doesn't speak for what they name"
        return Draft(NOTHING, ProposalText("No proposal", "", refusal=why))
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
    reading = await facts.gather(ctx, aimed(incident.target, action, plan.suggestion.params), action, recent=recent)
    draft = await previewed(ctx, action, plan.suggestion.params, reading, plan.why, requested_by, recent=recent)
    if draft.preview is None and draft.text.refusal and catalog.CATALOG[Action(action)].gives_way:
        draft = await _instead(ctx, plan, draft, incident.target, recent=recent)
    else:
        then = [(one.action, one.params) for one in plan.then]
        draft = await followed(ctx, incident.target, draft, then, recent=recent)
    better = f"{offering.ended(draft.text.rationale)} {plan.advice}".strip() if plan.advice else draft.text.rationale
    text = replace(draft.text, rationale=better)
    return replace(
        draft, text=text, approvers=plan.approvers, expires=plan.expires, quorum=plan.quorum, line=line,
        meant=incident.target.key,
        # What is offered again was left to people once.
        alone=plan.alone if "requested_by" not in params else None,
    )  # fmt: skip


async def _instead(ctx: Context, plan: Planned, draft: Draft, target: Target, *, recent: bool) -> Draft:
    """The next that the playbook lets through, where the first can't be planned; what was against that is said."""
    first = plan.suggestion
    why = draft.text.refusal
    others = [one.suggestion for one in plan.weighed if one.possible and one.suggestion != first]
    for other in others:
        reading = await facts.gather(ctx, aimed(target, other.action, other.params), other.action, recent=recent)
        reason = f"{other.reason[:1].upper()}{other.reason[1:]}"
        rationale = f"{offering.ended(reason)} A {traits_of(draft.action).noun} would come first. {why}".strip()
        found = await previewed(ctx, other.action, other.params, reading, rationale, draft.requested_by, recent=recent)
        if found.preview is not None and not found.text.refusal:
            return found
    by_hand = first.by_hand if first is not None else ""
    return replace(draft, text=replace(draft.text, by_hand=by_hand))


def _by_hand(plan: Planned) -> str:
    """The command of the first mitigation that only a person has."""
    return next((one.suggestion.by_hand for one in plan.weighed if one.missing), "")


def _save(tx: Tx, ctx: Context, work: DueWork, draft: Draft) -> None:
    now = ctx.clock()
    incident = incidents.get(tx, work.subject)
    if not incident.open or any(run.in_flight for run in executions.of_incident(tx, incident.id)):
        due.done(tx, work)
        return
    meant = incident.target.key if incident.target else ""
    if draft.reading is not None and draft.meant != meant:
        due.done(tx, work)  # somebody chose another target meanwhile, and owed its own look
        return
    if draft.line is not None:
        evidence.put(tx, incident.id, draft.line)
        owing.evidence(tx, incident, now)
    if draft.action == NOTHING or draft.reading is None:
        # A record stands in for a proposal; a pending one that a person already sees is left alone.
        decision = Decision()
        if not offering.pending(tx, incident):
            close.supersede_pending(tx, incident.id, "looked at again", now)
            offering.record(tx, incident, draft, decision, now)
        owing.card(tx, incident, Priority.NEW_CARD, now)
    else:
        broken = breaking.by(tx, ctx, work.params, now)
        decision = offering.offer(tx, ctx, incident, replace(draft, broken=broken), now)
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
