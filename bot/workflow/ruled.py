"""What ``POLICY`` says of one action on one target, with the incident's severity and the namespace's environment.

``bot.policy`` judges; here its words are found. What wasn't read of the target counts as what a rule is about. It
refuses to read anything from the cluster itself.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.decision import Decision, Rule, deny
from bot.domain.incident import Incident
from bot.domain.proposal import TargetState
from bot.domain.rules import Case
from bot.domain.target import Target
from bot.policy import rules, windows
from bot.workflow.context import Context


def case_of(ctx: Context, incident: Incident, action: str, target: Target, state: TargetState | None) -> Case:
    """The case that rules and windows are asked about."""
    narrowing = state.narrowing if state is not None else None
    labels = narrowing.labels if narrowing is not None else {}
    environment = ctx.settings.POLICY.environments.of(target.namespace, labels)
    return Case(action, target.kind, target.namespace, incident.severity, environment)


def narrowed(
    ctx: Context, incident: Incident, action: str, target: Target, state: TargetState | None
) -> rules.Narrowed:
    """The rules that fit, and what they take away."""
    return rules.narrow(ctx.settings.POLICY, case_of(ctx, incident, action, target, state))


def check(
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
    return Decision(against + tuple(windows.check(policy, case, now, undo=undo, glass="")))


def alone(ctx: Context, incident: Incident, action: str, target: Target, state: TargetState | None) -> Decision:
    """Where a rule wants people to approve, nothing is done without one."""
    wanted = narrowed(ctx, incident, action, target, state).wants_people
    return deny(Rule.AUTONOMY, f"The policy {wanted} wants people asked.") if wanted else Decision()
