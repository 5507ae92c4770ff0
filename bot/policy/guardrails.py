"""May this happen to this target? One pure table of guards, asked when proposed, when approved and when executed.

What can't be read denies. Every reason is a sentence that says what to do where something can be done. This module
refuses to read anything: all it knows comes as arguments, the time included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.decision import NOTHING_DONE, Decision, Reason, Rule
from bot.domain.mitigation import Action, traits_of
from bot.domain.proposal import TargetState
from bot.domain.target import CLUSTER_WIDE, RESTARTABLE
from bot.policy import hung, short, things
from bot.policy import nodes as node_policy
from bot.policy.nodes import Nodes

PROTECTED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""The control plane's; no setting opens them."""

MAX_AGE = timedelta(seconds=5)
"""How old the facts may be when an effect is about to happen (definitions: "Execute")."""


NO_NODES = Nodes()


class Point(StrEnum):
    """When the guards are asked."""

    PROPOSE = "propose"
    APPROVE = "approve"
    EXECUTE = "execute"


@dataclass(frozen=True)
class Facts:
    """What the guards judge, beside the target's state; the defaults deny.

    ``mode`` is ``act`` or ``observe``. ``foreign_cluster`` is the other cluster's name when the alert is from there.
    ``frozen`` is None when the switch can't be read. ``rights`` is None when the access review didn't answer.
    A target that the cluster says doesn't exist is no state and no ``read_problem``; ``kind`` is its kind where it
    wasn't read because nothing is ever done to such a thing. ``rights_problem``, ``in_flight`` and ``read_problem`` are
    sentences, empty when there is nothing to say.
    ``override_keepers`` are namespaces where Fettle may change what is kept in Git or a chart.
    ``replaces`` is the container whose image is replaced, with that image; None where none is.
    ``expires_at`` is the proposal's when approving and the approval's when executing. ``undo`` says that it leads back
    to what was before, which a rollout doesn't stand against. ``nodes`` counts for nodes alone.
    """

    mode: str = "observe"
    allowed_actions: frozenset[str] = frozenset()
    allowed_namespaces: frozenset[str] = frozenset()
    own_namespace: str = ""
    foreign_cluster: str = ""
    frozen: bool | None = None
    frozen_sentence: str = ""
    rights: bool | None = None
    rights_problem: str = ""
    in_flight: str = ""
    approved_digest: str = ""
    current_digest: str = ""
    expires_at: datetime | None = None
    read_problem: str = ""
    kind: str = ""
    override_keepers: frozenset[str] = frozenset()
    replaces: hung.Replaced | None = None
    undo: bool = False
    nodes: Nodes = NO_NODES


def check(action: str, state: TargetState | None, facts: Facts, now: datetime, point: Point | str) -> Decision:
    """The decision with every reason against, most general first; the same guards at every point, stricter later."""
    at = Point(point)
    reasons = [*_settings(action, facts)]
    warnings: tuple[str, ...] = ()
    if state is None:
        reasons += [_unfit(action, facts.kind) if facts.kind else _unread(facts)]
    else:
        reasons += [*_target(action, state, facts), *_annotated(action, state)]
        of_workload = state.target.kind in RESTARTABLE
        reasons += _workload(action, state, facts) if of_workload else things.check(action, state)
        reasons += node_policy.check(action, state, facts.nodes, now)
        warnings = (*things.warnings(action, state), *node_policy.warnings(action, state, facts.nodes))
        if facts.read_problem:
            reasons.append(_unread(facts))
    reasons += [*_cluster(action, state, facts)] if not facts.kind else []
    if at is not Point.PROPOSE:
        reasons += [*_still_valid(facts, now)]
    if at is not Point.PROPOSE and state is not None and not facts.read_problem:
        reasons += [*_unchanged(facts)]
    if at is Point.EXECUTE and state is not None:
        reasons += [*_fresh(state, now)]
    return Decision(tuple(reasons), warnings)


def _settings(action: str, facts: Facts) -> Iterator[Reason]:
    if facts.foreign_cluster:
        yield Reason(
            Rule.CLUSTER, f"The alert is from cluster {facts.foreign_cluster}, which isn't mine. Act on it there."
        )
    if facts.mode != "act":
        yield Reason(Rule.MODE, "I only observe (MODE=observe). Set MODE=act to let me act.")
    if action not in facts.allowed_actions:
        yield Reason(Rule.ACTION, f"The action {action} isn't allowed. Add {action} to ALLOWED_ACTIONS.")


def _unfit(action: str, kind: str) -> Reason:
    of = traits_of(action)
    return Reason(Rule.KIND, f"I don't {of.does} a {kind}; only {', '.join(of.kinds) or 'nothing'}.")


def _unread(facts: Facts) -> Reason:
    if facts.read_problem:
        return Reason(Rule.UNREADABLE, f"I can't read the target's state, so I don't act. {facts.read_problem}")
    return Reason(Rule.GONE, "The target isn't in the cluster any more. Nothing can be done to it.")


def _target(action: str, state: TargetState, facts: Facts) -> Iterator[Reason]:
    target = state.target
    namespace = target.namespace
    everywhere = target.kind in CLUSTER_WIDE
    if bool(namespace) is everywhere or not target.name or not target.uid:
        yield Reason(Rule.PROTECTED, "The target isn't one exact object: namespace, name or uid is empty. Choose one.")
        return
    if everywhere:  # no list of namespaces can allow it: what does is its own guard
        pass
    elif namespace in PROTECTED_NAMESPACES:
        yield Reason(Rule.PROTECTED, f"{namespace} belongs to the control plane; I never act there.")
    elif facts.own_namespace and namespace == facts.own_namespace:
        yield Reason(Rule.PROTECTED, f"I run in {namespace} myself and never act there. Use kubectl.")
    elif namespace not in facts.allowed_namespaces:
        yield Reason(Rule.NAMESPACE, f"The namespace {namespace} isn't allowed. Add {namespace} to ALLOWED_NAMESPACES.")
    if target.kind not in traits_of(action).kinds:
        yield _unfit(action, target.kind)
    if state.owner:
        yield Reason(Rule.OWNER, f"{target.label} is run by {state.owner}. Act on that; I only show it.")
    of, keeper = traits_of(action), state.hpa_keeper if action == Action.RAISE_AUTOSCALER else state.keeper
    if of.kept and keeper is not None and namespace not in facts.override_keepers:
        when = "at once" if keeper.at_once else "with its next upgrade"
        yield Reason(
            Rule.OWNER,
            f"{keeper.words} keeps {target.ref} as it is written there and would take a {of.noun} back {when}. "
            f"{keeper.advice}",
        )


def _annotated(action: str, state: TargetState) -> Iterator[Reason]:
    """What a team wrote on the workload or its namespace; it is read anew each time."""
    if state.narrowing is None:
        yield Reason(
            Rule.UNREADABLE,
            f"I can't read the annotations of the namespace {state.target.namespace}, which may forbid this, so I "
            "don't act.",
        )
        return
    for sentence in state.narrowing.wrong:
        yield Reason(Rule.ANNOTATION, sentence)
    for where in state.narrowing.denying(action):
        yield Reason(Rule.ANNOTATION, f"The annotation fettle/deny of {where} takes {action} away from me.")


def _workload(action: str, state: TargetState, facts: Facts) -> Iterator[Reason]:
    ref, of = state.target.ref, traits_of(action)
    moves = state.rolling_out and not (
        (of.hung_on_image and hung.on(state, facts.replaces)) or (of.sizes and short.of_pods(state))
    )
    if state.paused and not of.paused and not (facts.undo and of.works_paused):
        why = f"and a {of.noun} would meddle with that" if of.works_paused else f"so a {of.noun} would do nothing"
        yield Reason(Rule.PAUSED, f"{ref} is paused, {why}. Resume it first (kubectl rollout resume).")
    if state.replicas == 0 and not of.empty:
        yield Reason(
            Rule.SCALED_TO_ZERO, f"{ref} is scaled to zero; there is nothing to {of.does}. Scale it up instead."
        )
    if state.strategy == "OnDelete" and not of.on_delete:
        yield Reason(
            Rule.STRATEGY,
            f"{ref} uses OnDelete: a {of.noun} would change nothing until pods are deleted, and I couldn't verify it. "
            "Delete the pods one by one.",
        )
    elif moves and not of.rolling_out and not state.paused and not facts.undo:
        yield Reason(
            Rule.ROLLING_OUT,
            f"{ref} is rolling out already ({state.updated}/{state.replicas} updated). "
            "Wait until that ends, or undo it.",
        )


def _cluster(action: str, state: TargetState | None, facts: Facts) -> Iterator[Reason]:
    if facts.frozen is not False:
        unreadable = "I can't read whether writes are frozen, so I don't write. Look at the store and FREEZE_FILE."
        frozen = facts.frozen_sentence or f"Writes are frozen. {NOTHING_DONE}"
        yield Reason(Rule.FROZEN, unreadable if facts.frozen is None else frozen)
    if facts.rights is not True:
        named = state.target.namespace if state is not None else ""
        where, of = f" in {named}" if named else "", traits_of(action)
        missing = f"I may not {of.right}{where}. Apply the role {of.role}{where}; the card will offer this again."
        unknown = f"I can't tell whether I may {of.right}{where}, so I don't. Try again when the cluster answers."
        yield Reason(Rule.RIGHTS, facts.rights_problem or (unknown if facts.rights is None else missing))
    if facts.in_flight:
        yield Reason(Rule.IN_FLIGHT, facts.in_flight)


def _still_valid(facts: Facts, now: datetime) -> Iterator[Reason]:
    if facts.expires_at is None:
        yield Reason(Rule.EXPIRED, "This proposal has no time limit, so it can't be approved. Request it again.")
    elif now >= facts.expires_at:
        yield Reason(Rule.EXPIRED, f"This proposal expired at {_clock(facts.expires_at)}. Request it again.")


def _unchanged(facts: Facts) -> Iterator[Reason]:
    """Asked only of what was read: an unread target isn't a changed one, and the proposal may stand."""
    if not facts.approved_digest or facts.approved_digest != facts.current_digest:
        yield Reason(
            Rule.STALE,
            f"The target changed since this was proposed. {NOTHING_DONE} Request it again to see it as it is.",
        )


def _fresh(state: TargetState, now: datetime) -> Iterator[Reason]:
    if state.observed_at is None or now - state.observed_at > MAX_AGE:
        yield Reason(
            Rule.UNREADABLE, "What I know of the target is older than 5 s, so I don't act on it. I read it again."
        )


def _clock(at: datetime) -> str:
    return f"{at:%H:%M} {at.tzname() or ''}".strip()
