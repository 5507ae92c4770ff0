"""Why policy would let something happen or not: every guard with its word, asked as a proposal and an approval are.

It asks the very functions that ``propose`` and ``decide`` ask, and puts their reasons under the guard that gave them.
It refuses to write anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.approval import Principal
from bot.domain.decision import Decision, Rule
from bot.domain.incident import Incident
from bot.domain.mitigation import traits_of
from bot.domain.proposal import SYSTEM, Proposal, ProposalState, ProposalText
from bot.policy import approvers as approver_policy
from bot.policy import guardrails, rule_words
from bot.policy.approvers import GroupView
from bot.policy.rules import Narrowed
from bot.storage import executions, people
from bot.storage.db import Tx
from bot.workflow import entitled, facts, ruled, vouching
from bot.workflow.context import Context

HOUR = timedelta(hours=1)
GUARDS: Mapping[str, frozenset[Rule]] = {
    "mode": frozenset({Rule.MODE}),
    "cluster": frozenset({Rule.CLUSTER}),
    "action": frozenset({Rule.ACTION}),
    "namespace": frozenset({Rule.NAMESPACE, Rule.PROTECTED}),
    "target": frozenset({Rule.KIND, Rule.OWNER, Rule.GONE, Rule.UNREADABLE}),
    "state": frozenset({Rule.PAUSED, Rule.ROLLING_OUT, Rule.SCALED_TO_ZERO, Rule.STRATEGY, Rule.STATE}),
    "blast radius": frozenset({Rule.AUTOSCALED, Rule.BLAST_RADIUS, Rule.BUDGET}),
    "annotations": frozenset({Rule.ANNOTATION}),
    "rules": frozenset({Rule.POLICY}),
    "windows": frozenset({Rule.WINDOW}),
    "kill switch": frozenset({Rule.FROZEN}),
    "rights": frozenset({Rule.RIGHTS}),
    "in flight": frozenset({Rule.IN_FLIGHT}),
    "rates": frozenset({Rule.COOLDOWN, Rule.RATE}),
    "breaker": frozenset({Rule.BREAKER}),
    "identity": frozenset({Rule.IDENTITY}),
    "approval": frozenset({Rule.APPROVER}),
    "own request": frozenset({Rule.SELF_APPROVAL}),
    "own rights": frozenset({Rule.RBAC}),
}
"""Which guard a reason belongs to, in the order in which they are told."""
OF_A_PROPOSAL = frozenset({Rule.STALE, Rule.EXPIRED, Rule.SETTLED, Rule.AUTONOMY})
"""Reasons that only something proposed can have."""


@dataclass(frozen=True)
class Guard:
    """One guard's word: ``says`` is why not, or what speaks for it. None is what can't be told from here."""

    name: str
    allowed: bool | None
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explained:
    """Every guard, and what an approval would take."""

    guards: tuple[Guard, ...]
    approvers: tuple[str, ...]
    quorum: int
    lasts: timedelta
    needs: str
    rules: tuple[str, ...] = ()
    environment: str = ""

    @property
    def allowed(self) -> bool | None:
        """False where one guard denies, None where one can't be told, else True."""
        words = [guard.allowed for guard in self.guards]
        return False if False in words else None if None in words else True


@dataclass(frozen=True)
class Who:
    """The person who would approve; ``unknown`` says why Slack didn't tell who that is. ``own``: they asked for it."""

    principal: Principal
    unknown: str = ""
    own: bool = False


def explain(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    action: str,
    reading: facts.Reading,
    who: Who,
    groups: Mapping[str, GroupView],
) -> Explained:
    """Asks everything for a proposal of Fettle's, or of that person's own; ``groups`` as they are known now."""
    now, target = ctx.clock(), reading.target
    rules = ruled.narrowed(ctx, incident, (action,), target, reading.state)
    asked = facts.Asked(by_person=who.own)
    at, taken = guardrails.Point.PROPOSE, _taken(reading)
    decision = facts.check(tx, ctx, reading, incident, action, at, asked=asked, params=taken)
    known = {**dict.fromkeys(ctx.settings.approver_groups, GroupView()), **groups}
    left, nobody = entitled.who_may(tx, ctx, incident, (action,), (), reading, now, known)
    proposal = _made(incident, action, reading, who, left, now)
    lists = entitled.lists_of(ctx, proposal, reading, rules)
    ids = {one for listed in lists for one in listed.ids}
    names = people.called(tx, {*ids, *(one for view in groups.values() for one in view.members)})
    may = entitled.judged(ctx, proposal, who.principal, groups, now, lists, rules.not_own, names)
    may += vouching.may(ctx, proposal, reading, who.principal)
    unread = any(True for listed in lists for _ in approver_policy.unread_groups(listed.ids, groups, now))
    speaks = _speaks_for(tx, ctx, incident, action, reading, rules, who, now)
    speaks["approval"] = tuple(_named(who.principal, lists, groups, now, names))
    handles = {one: name.removeprefix("@") for one, name in names.items()}
    ttl = ctx.settings.APPROVAL_TTL
    return Explained(
        tuple(_guards(decision + nobody + may, speaks, who, unread=unread)),
        left, rules.quorum, min(ttl, rules.expires or ttl),
        approver_policy.policy_text(left, rules.quorum, handles, rules.names),
        rules.names, ruled.case_of(ctx, incident, action, target, reading.state).environment,
    )  # fmt: skip


def _taken(reading: facts.Reading) -> Mapping[str, str]:
    """What a change of image would take: the image that the rollout hangs on, where it hangs on one."""
    hung = reading.state.hung if reading.state is not None else ()
    return {"container": hung[0][0], "from_image": hung[0][1]} if hung else {}


def _made(
    incident: Incident, action: str, reading: facts.Reading, who: Who, approvers: tuple[str, ...], now: datetime
) -> Proposal:
    """What would be proposed, as far as judging a person needs it."""
    by = who.principal.id if who.own else SYSTEM
    return Proposal(
        0, incident.id, action, reading.target, {}, "", ProposalState.PENDING, ProposalText("", ""), by, now, None,
        approvers=approvers,
    )  # fmt: skip


def _guards(decision: Decision, speaks: Mapping[str, tuple[str, ...]], who: Who, *, unread: bool) -> Iterator[Guard]:
    rest = list(decision.reasons)
    for name, rules in GUARDS.items():
        against = tuple(dict.fromkeys(reason.sentence for reason in rest if reason.rule in rules))
        if against:
            # Whom a group holds that wasn't read can't be told; a press is refused then.
            yield Guard(name, allowed=None if unread and name == "approval" else False, says=against)
        elif name == "identity" and who.unknown:
            yield Guard(name, allowed=None, says=(who.unknown,))
        else:
            yield Guard(name, allowed=True, says=speaks.get(name, ()))
    known = frozenset().union(*GUARDS.values())
    for reason in rest:
        if reason.rule not in known:
            yield Guard(str(reason.rule).replace("_", " "), allowed=False, says=(reason.sentence,))


def _speaks_for(
    tx: Tx,
    ctx: Context,
    incident: Incident,
    action: str,
    reading: facts.Reading,
    rules: Narrowed,
    who: Who,
    now: datetime,
) -> dict[str, tuple[str, ...]]:
    """What each guard goes by where nothing is against it."""
    settings, target, state = ctx.settings, reading.target, reading.state
    sent = executions.sent_since(tx, now - HOUR)
    on_it = sum(1 for key, _, _, done in sent if key == target.key and not traits_of(done).looks)
    flying = executions.count_in_flight(tx)
    case = ruled.case_of(ctx, incident, action, target, state)
    known = case.environment or "not known, which counts as each"
    fitting = [one for one in settings.POLICY.windows if one.match.fits(case)]
    seen = f"{target.label}, read at {reading.at:%H:%M:%S} {reading.at.tzname() or ''}".rstrip()
    return {
        "mode": (f"MODE={settings.MODE}",),
        "action": (f"ALLOWED_ACTIONS names {action}",),
        "namespace": (f"ALLOWED_NAMESPACES names {target.namespace}",),
        "target": (seen,),
        "state": (f"{state.updated}/{state.replicas} updated" if state is not None else "",),
        "annotations": (f"none takes {action} away",),
        "rules": (
            *(f"{one.name}: {', '.join(rule_words.takes(one))}" for one in rules.rules),
            *(() if rules.rules else ("none fits",)),
            f"environment: {known}",
        ),
        "windows": tuple(f"{one.name}: {rule_words.window_words(one)}: not on" for one in fitting)
        or ("none is for this",),
        "kill switch": ("off",),
        "rights": (f"the cluster lets me {action} in {target.namespace}",),
        "in flight": ("nothing on this target",),
        "rates": (
            (
                f"{on_it} of {settings.TARGET_HOURLY} an hour on it, {len(sent)} of {settings.HOURLY} in all, "
                f"{flying} of {settings.AT_ONCE} in flight"
            ),
        ),
        "breaker": (f"stops after {settings.BREAKER} verdicts that aren't PASS" if settings.BREAKER else "off",),
        "identity": ("a full member",),
        "own request": (_own(action, who, [str(one) for one in settings.SELF_APPROVE]),),
        "own rights": _vouched(ctx, reading, who),
    }


def _vouched(ctx: Context, reading: facts.Reading, who: Who) -> tuple[str, ...]:
    """Who the person is to the cluster, and what it said."""
    if not ctx.settings.REQUIRE_RBAC:
        return ("not asked (REQUIRE_RBAC)",)
    found = reading.vouched.get(who.principal.id)
    if found is None or found.user is None:
        return ()
    groups = f" in {', '.join(found.user.groups)}" if found.user.groups else ""
    return (f"{found.user.name}{groups} may {', '.join(one.needed.words for one in found.reviews)}",)


def _own(action: str, who: Who, named: list[str]) -> str:
    if not who.own:
        return "Fettle proposes it (--own: as if this person asked for it)"
    return f"SELF_APPROVE names {action}" if action in named else ""


def _named(
    principal: Principal,
    lists: tuple[approver_policy.Listed, ...],
    groups: Mapping[str, GroupView],
    now: datetime,
    names: Mapping[str, str],
) -> Iterator[str]:
    for listed in lists:
        found = approver_policy.named_by(principal, listed.ids, groups, now)
        if found is not None and not listed.own:  # it was made up for the question
            group, _ = found
            yield f"named by {listed.name}" + (f", in {names.get(group, group)}" if group else "")
