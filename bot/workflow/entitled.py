"""Who may approve a proposal: APPROVERS, the proposal's own list, annotations and rules together, at each point.

Groups come from the store, where a job keeps them; nothing here asks Slack. It refuses to count a list as wider than
another: whoever approves is named by every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product

from bot.domain.approval import Principal, Verb, is_oncall, playbook_of
from bot.domain.decision import ALLOWED, NOTHING_DONE, Decision, Rule, deny
from bot.domain.incident import Incident
from bot.domain.mitigation import traits_of
from bot.domain.proposal import SYSTEM, Proposal
from bot.policy import approvers as approver_policy
from bot.policy.approvers import Listed
from bot.policy.rules import Narrowed
from bot.storage import incidents, oncall, people, proposals
from bot.storage.db import Tx
from bot.workflow import autonomy, ruled
from bot.workflow.context import Context
from bot.workflow.facts import Reading

NOBODY = Narrowed()


def who_may(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    actions: tuple[str, ...],
    named: Sequence[str],
    reading: Reading,
    now: datetime,
    groups: Mapping[str, approver_policy.GroupView] | None = None,
) -> tuple[tuple[str, ...], Decision]:
    """Who may approve what is proposed on this reading, and a reason against where that is nobody.

    ``named`` are those of the playbook, empty where it names none. Nobody may without APPROVERS, whomever playbooks,
    annotations and rules name. ``groups`` stand in the place of those in the store.
    """
    configured = tuple(ctx.settings.APPROVERS)
    if not configured:
        return (), ALLOWED
    rules = ruled.narrowed(ctx, incident, actions, reading.target, reading.state).approvers
    others = [("the playbook", tuple(named))] if named else []
    others += [(f"the annotation fettle/approvers of {where}", ids) for where, ids in _annotated(reading)]
    others += [(f"the policy {name}", ids) for name, ids in rules]
    left = approver_policy.common([configured, *(ids for _, ids in others)], groups or _all_groups(tx, ctx), now)
    if left or not others:
        return left, ALLOWED
    by = " and by ".join(name for name, _ in others)
    return (), deny(Rule.APPROVER, f"Nobody may approve this, because nobody is named by APPROVERS and by {by} alike.")


def narrowed_by(reading: Reading) -> tuple[str, ...]:
    """A line for each annotation that takes approvers away."""
    return tuple(f"fettle/approvers of {where} narrows who may approve" for where, _ in _annotated(reading))


def rules_of(tx: Tx, ctx: Context, proposal: Proposal, reading: Reading | None) -> Narrowed:
    """The rules that fit a proposal now; without a reading none: its own list holds what fitted when it was made."""
    if reading is None:
        return NOBODY
    incident = incidents.get(tx, proposal.incident_id)
    return ruled.narrowed(ctx, incident, proposal.actions, reading.target, reading.state)


def may_approve(
    tx: Tx, ctx: Context, proposal: Proposal, principal: Principal, now: datetime, reading: Reading | None = None
) -> Decision:
    """Whether this person may approve this proposal.

    The list that the card showed, APPROVERS now and, by the reading, annotations and rules now must all name them.
    Without a reading only what is stored counts, which is enough for a no.
    """
    groups, rules = groups_of(tx, now), rules_of(tx, ctx, proposal, reading)
    lists = lists_of(ctx, proposal, reading, rules)
    named = {one for listed in lists for one in listed.ids}
    members = {one for group in named if group in groups for one in groups[group].members}
    names = people.called(tx, named | members)
    return judged(ctx, proposal, principal, groups, now, lists, rules.not_own, names)


def may_read(
    tx: Tx, ctx: Context, proposal: Proposal, principal: Principal, now: datetime, reading: Reading
) -> Decision:
    """Whether this person may have what it brought: whoever may approve it, those who asked for it themselves included.

    A target that is gone, or can't be read, narrows by nothing more than what narrowed it when it was approved.
    """
    asked = replace(proposal, requested_by=SYSTEM)
    return may_approve(tx, ctx, asked, principal, now, reading)


def ways(
    tx: Tx, ctx: Context, proposal: Proposal, principal: Principal, now: datetime, reading: Reading
) -> list[dict[str, object]]:
    """By what this person was entitled, for the audit: of each list the id that named them, and how old a group was."""
    groups, names = groups_of(tx, now), people.group_names(tx)
    on_call, schedules = oncall.on_at(tx, now), ctx.settings.schedules
    found: list[dict[str, object]] = []
    for listed in lists_of(ctx, proposal, reading, rules_of(tx, ctx, proposal, reading)):
        by = approver_policy.named_by(principal, listed.ids, groups, now)
        if by is None:
            continue
        group, age = by
        told: dict[str, object] = {"list": listed.name, "by": group or "id"}
        if group:
            told |= {"handle": names.get(group, ""), "read_seconds_ago": round(age.total_seconds(), 1)}
        if is_oncall(group):
            until = on_call[group][principal.slack_id]
            told |= {"schedule": schedules[group].words if group in schedules else "", "until": until.isoformat()}
        found.append(told)
    return found


def still_approved(
    tx: Tx, ctx: Context, proposal: Proposal, approved_by: str, now: datetime, reading: Reading
) -> Decision:
    """Whether those who approved, or the playbook that did, might still do so; asked at the claim.

    A group counts as it was last read, however long ago: the press itself needed a fresh reading, and nothing reads
    groups while no proposal waits. Who was on call at the press counts, whoever is now. The sentence has no name: it is
    kept with the execution, where nothing is erased.
    """
    said_yes = [approval for approval in proposals.approvals(tx, proposal.id) if approval.verb is Verb.APPROVED]
    given, pressed_at = [one.principal for one in said_yes], {one.principal: one.at for one in said_yes}
    several = approver_policy.enough(proposal.actions, proposal.quorum, given)
    if not several.allowed:
        return several
    rules = rules_of(tx, ctx, proposal, reading)
    lists = lists_of(ctx, proposal, reading, rules)
    for who in dict.fromkeys((approved_by, *given)):
        if name := playbook_of(who):
            alone = autonomy.still(tx, ctx, proposal, name, now, reading.state)
            if not alone.allowed:
                return alone
            continue
        principal = Principal(id=who, slack_id=people.slack_id_of(tx, who), name="")
        then = groups_of(tx, pressed_at.get(who, now))
        groups = {group: replace(view, refreshed_at=view.refreshed_at and now) for group, view in then.items()}
        may = judged(ctx, proposal, principal, groups, now, lists, rules.not_own)
        if not may.allowed:
            said = f"Who approved this may not approve a {traits_of(proposal.action).noun} any more. {NOTHING_DONE}"
            return deny(may.reasons[0].rule, said)
    if len(given) < rules.quorum:
        said = f"The policy {rules.wants_quorum} wants {rules.quorum} people now, and {len(given)} approved."
        return deny(Rule.APPROVER, f"{said} {NOTHING_DONE}")
    return ALLOWED


def _all_groups(tx: Tx, ctx: Context) -> dict[str, approver_policy.GroupView]:
    """Those that were read, and those that will be."""
    return {**dict.fromkeys(ctx.settings.approver_groups, approver_policy.GroupView()), **groups_of(tx, ctx.clock())}


def groups_of(tx: Tx, at: datetime) -> dict[str, approver_policy.GroupView]:
    """Members of the approver groups as last read; of a schedule those whom it has on call at this time."""
    on_call = oncall.on_at(tx, at)
    return {
        group: approver_policy.GroupView(frozenset(on_call.get(group, members)), refreshed_at, problem)
        for group, (members, refreshed_at, problem) in people.groups(tx).items()
    }


def _annotated(reading: Reading) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(where, Slack ids) of every annotation that narrows who may approve."""
    narrowing = reading.state.narrowing if reading.state is not None else None
    return narrowing.approvers if narrowing is not None else ()


def lists_of(ctx: Context, proposal: Proposal, reading: Reading | None, rules: Narrowed) -> tuple[Listed, ...]:
    """Every list that has to name whoever approves; those of rules first, so that a refusal names the rule."""
    annotated = _annotated(reading) if reading is not None else ()
    return (
        *(Listed(f"policy {name}", ids) for name, ids in rules.approvers),
        Listed("APPROVERS", tuple(ctx.settings.APPROVERS)),
        Listed("the proposal", tuple(proposal.approvers), own=True),
        *(Listed(f"the annotation fettle/approvers of {where}", ids) for where, ids in annotated),
    )


def judged(
    ctx: Context,
    proposal: Proposal,
    principal: Principal,
    groups: Mapping[str, approver_policy.GroupView],
    now: datetime,
    lists: Sequence[Listed],
    not_own: str,
    names: Mapping[str, str] | None = None,
) -> Decision:
    """The first refusal of any list, for any step."""
    for listed, action in product(lists, proposal.actions):
        decision = approver_policy.may_approve(
            principal,
            listed.ids,
            groups,
            now,
            requested_by=proposal.requested_by,
            action=action,
            self_approve=frozenset(str(action) for action in ctx.settings.SELF_APPROVE),
            names=names,
            listed_in=listed.name,
            where=proposal.target.namespace,
            not_own=not_own,
        )
        if not decision.allowed:
            return decision
    return ALLOWED
