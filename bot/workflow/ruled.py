"""What ``POLICY`` says of one action on one target, with the incident's severity and the namespace's environment.

``bot.policy`` judges; here its words are found. What wasn't read of the target counts as what a rule is about. It
refuses to read anything from the cluster itself.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.approval import is_group, is_oncall
from bot.domain.decision import Decision, Rule, deny
from bot.domain.incident import Incident
from bot.domain.proposal import TargetState
from bot.domain.rules import Case
from bot.domain.target import Target
from bot.policy import glass, rules, windows
from bot.storage import oncall, people
from bot.storage.db import Tx
from bot.workflow.context import Context


def case_of(ctx: Context, incident: Incident, action: str, target: Target, state: TargetState | None) -> Case:
    """The case that rules and windows are asked about."""
    narrowing = state.narrowing if state is not None else None
    labels = narrowing.labels if narrowing is not None else {}
    environment = ctx.settings.POLICY.environments.of(target.namespace, labels)
    return Case(action, target.kind, target.namespace, incident.severity, environment)


def narrowed(
    ctx: Context, incident: Incident, actions: tuple[str, ...], target: Target, state: TargetState | None
) -> rules.Narrowed:
    """The rules that fit one of the actions, and what they take away."""
    cases = (case_of(ctx, incident, action, target, state) for action in actions)
    return rules.narrow(ctx.settings.POLICY, *cases)


def check(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    action: str,
    target: Target,
    state: TargetState | None,
    now: datetime,
    *,
    undo: bool,
) -> Decision:
    """Every rule that denies, and every window that is on; asked at all three points."""
    policy = ctx.settings.POLICY
    if not policy.rules and not policy.windows:
        return Decision()
    case = case_of(ctx, incident, action, target, state)
    against = tuple(rules.check(rules.narrow(policy, case), case))
    return Decision(against + tuple(windows.check(policy, case, now, undo=undo, glass=by_whom(tx, ctx))))


def by_whom(tx: Tx, ctx: Context) -> str:
    """How a window is overridden, and by whom."""
    named = ctx.settings.POLICY.break_glass
    if not named:
        return "Nobody may break the glass (POLICY names nobody in break_glass)."
    called = people.called(tx, named)
    who = " or ".join(_named(one, called[one]) for one in named if one in called)
    by = who or "those of break_glass"
    return f"It can be overridden by {by}: Break glass, on the card, or /incident break-glass."


def _named(one: str, called: str) -> str:
    return f"somebody of {called}" if is_group(one) and not is_oncall(one) else called


def overridden(tx: Tx, ctx: Context, decision: Decision, broken: glass.Broken, at: datetime) -> Decision:
    """The decision on what somebody broke the glass for at this time; that person still has to be entitled.

    A group counts as it was last read, however long ago, as at the claim of an approval; a schedule as it was then.
    """
    named = ctx.settings.POLICY.break_glass
    slack_id = people.slack_id_of(tx, broken.by) if broken.by else ""
    if not slack_id:
        return decision
    in_groups = [one for one, (members, _, _) in people.groups(tx).items() if slack_id in members]
    in_groups += [one for one, on_call in oncall.on_at(tx, at).items() if slack_id in on_call]
    if not {slack_id, *in_groups} & set(named):
        return decision
    return glass.without(decision, broken.rules)


def alone(ctx: Context, incident: Incident, action: str, target: Target, state: TargetState | None) -> Decision:
    """Where a rule wants people to approve, or each act one who might do it themselves, nothing is done without one."""
    if ctx.settings.REQUIRE_RBAC:
        return deny(Rule.AUTONOMY, "REQUIRE_RBAC wants each act approved by somebody who might do it themselves.")
    wanted = narrowed(ctx, incident, (action,), target, state).wants_people
    return deny(Rule.AUTONOMY, f"The policy {wanted} wants people asked.") if wanted else Decision()
