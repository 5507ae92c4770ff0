"""Proposals: a mitigation on a target for one incident, waiting for a person, with all that was shown to that person.

What is approved is exactly what was shown: ``digest`` covers action, parameters and the state of the target that
matters (definitions: "Staleness digest"). Delivery needs no other room to draw one, so the texts are stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.keeper import Keeper
from bot.domain.narrowing import Narrowing
from bot.domain.target import Target
from bot.domain.thing import Thing
from bot.domain.transitions import Machine

SYSTEM = "fettle"
"""The requester of a proposal that an alert caused."""


class ProposalState(StrEnum):
    """``recorded`` is a proposal that policy refuses or observe mode only shows: it has no buttons, ever."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    RECORDED = "recorded"


class ProposalEvent(StrEnum):
    """What moves a proposal."""

    APPROVE = "approve"
    DENY = "deny"
    EXPIRE = "expire"
    SUPERSEDE = "supersede"


class Halt(StrEnum):
    """Why nothing more is done of a proposal's steps; ``stopped`` says it in words. The card tells a failure itself."""

    NONE = ""
    FAILED = "failed"  # a step was not carried out, or nobody knows
    VERDICT = "verdict"
    CLEARED = "cleared"  # all alerts are resolved
    PERSON = "person"
    RESTORED = "restored"  # the store was put back


_S, _E = ProposalState, ProposalEvent

PROPOSAL: Machine[ProposalState, ProposalEvent] = Machine(
    "proposal",
    _S.PENDING,
    {
        (_S.PENDING, _E.APPROVE): _S.APPROVED,
        (_S.PENDING, _E.DENY): _S.DENIED,
        (_S.PENDING, _E.EXPIRE): _S.EXPIRED,
        (_S.PENDING, _E.SUPERSEDE): _S.SUPERSEDED,
        (_S.RECORDED, _E.SUPERSEDE): _S.SUPERSEDED,
    },
)


@dataclass(frozen=True)
class ProposalText:
    """What the card and the confirm say, in plain text (no Slack markup; delivery escapes).

    ``headline`` "Restart Deployment shop/api"; ``done`` "Restarted shop/api" (after success); ``facts`` "6 replicas,
    25 % at a time · no HPA · dry run ok"; ``policy`` "Needs 1 of 2 approvers · until {time}" without the time;
    ``consequence`` the confirm's text; ``diff`` the dry run's diff; ``warnings`` a line each; ``refusal`` why there
    are no buttons, empty for a pending one; ``rationale`` why this is proposed; ``undo`` what can be done afterwards if
    it doesn't help, or that it can't be undone; ``by_hand`` the command line of what would help and isn't Fettle's;
    ``press`` is the verb as two words where it is ("Roll back"), else empty. ``rules`` are the names of the policy's
    that narrow it; ``asks_reason`` says that an approval needs a reason, ``breakable`` that breaking the glass would
    override all that is against it.
    """

    headline: str
    done: str
    verb: str = "restart"
    facts: str = ""
    policy: str = ""
    consequence: str = ""
    diff: str = ""
    rationale: str = ""
    refusal: str = ""
    warnings: tuple[str, ...] = ()
    undo: str = ""
    by_hand: str = ""
    press: str = ""
    rules: tuple[str, ...] = ()
    asks_reason: bool = False
    breakable: bool = False


@dataclass(frozen=True)
class Step:
    """One of several actions that a proposal holds in their order; ``text`` is about this one alone."""

    action: str
    params: Mapping[str, Any]
    text: ProposalText


@dataclass(frozen=True)
class Proposal:
    """One proposal as stored.

    ``requested_by`` is a principal id or ``SYSTEM``; ``baseline`` is what verification compares to (pod restarts and
    revision at the time of proposing); ``approvers`` are the Slack user ids and group ids that policy accepts;
    ``expires_at`` is None for a recorded one. ``decided_by`` is the principal, ``decided_at`` when.
    ``steps`` are all of them where there are several, else empty; ``action``, ``params`` and ``text`` are then those of
    the step that ``at`` was asked for, of the first and of the whole as stored. ``halt`` is why what is
    left of them isn't done, none as long as it may be; ``stopped`` says it in words.
    """

    id: int
    incident_id: int
    action: str
    target: Target
    params: Mapping[str, Any]
    digest: str
    state: ProposalState
    text: ProposalText
    requested_by: str
    created_at: datetime
    expires_at: datetime | None
    quorum: int = 1
    approvers: tuple[str, ...] = ()
    baseline: Mapping[str, Any] = field(default_factory=dict)
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    steps: tuple[Step, ...] = ()
    step: int = 0
    halt: Halt = Halt.NONE
    stopped: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """Of every step, in their order."""
        return tuple(one.action for one in self.steps) or (self.action,)

    @property
    def every(self) -> tuple[Proposal, ...]:
        """The proposal as each of its steps sees it; itself alone where it has one."""
        return tuple(map(self.at, range(len(self.steps)))) or (self,)

    @property
    def left(self) -> tuple[Step, ...]:
        """The steps after this one."""
        return self.steps[self.step + 1 :]

    def at(self, step: int) -> Proposal:
        """The proposal as this step sees it."""
        if not self.steps:
            return self
        one = self.steps[step]
        return replace(self, action=one.action, params=one.params, text=one.text, step=step)

    def digest_of(self, state: TargetState) -> str:
        """What would be approved now, whichever step asks: it covers every one."""
        first = self.at(0)
        return staleness_digest(first.action, first.params, state, first.left)


@dataclass(frozen=True)
class TargetState:
    """The state of a target as read from the cluster in one go; the input of digest, policy and preview.

    Counts follow the API's own names; absent counts are 0. ``generation`` is the one of this reading.
    ``template_hash`` covers the pod template without Fettle's and kubectl's restart annotations.
    ``hpa`` is (name, min, max) or None, ``hpa_uid`` its uid, ``hpa_owner`` the controller that made it (KEDA),
    ``hpa_keeper`` who keeps it as it is written elsewhere. ``budget`` is (name, spec text, disruptions allowed) or
    None.
    ``crash_restarts`` maps pod name to its restart count; ``managers`` are field managers of the template.
    ``annotated`` is whether the object has any annotation, ``marker`` the execution that they name.
    ``keeper`` is who keeps the object as it is written elsewhere, in Git or a chart.
    ``ordered`` is whether it makes one pod after the other, each only when those before it are ready.
    ``owner`` names the controller that owns this object ("Rollout shop/api"), empty when nothing does.
    ``pods_hash`` is what pods of the template carry, empty while no revision holds it; ``pods_wanted`` how many of them
    a Deployment has ordered so far.
    ``hung`` are (container, image) of the current template that its pods can't pull and none has started.
    ``narrowing`` is what annotations of the object and its namespace say, None when the namespace wasn't read.
    ``thing`` is None for a workload. Of anything else the counts are those of one healthy replica, and
    ``template_hash`` covers what makes an approval of it stale.
    """

    target: Target
    cluster_uid: str
    generation: int
    observed_generation: int
    replicas: int
    updated: int
    ready: int
    available: int
    current: int
    paused: bool
    template_hash: str
    strategy: str
    max_unavailable: str = ""
    max_surge: str = ""
    min_ready_seconds: int = 0
    progress_deadline: int = 600
    template_annotations: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    images: tuple[str, ...] = ()
    hpa: tuple[str, int, int] | None = None
    hpa_uid: str = ""
    hpa_owner: str = ""
    hpa_keeper: Keeper | None = None
    budget: tuple[str, str, int] | None = None
    annotated: bool = False
    marker: str = ""
    owner: str = ""
    managers: tuple[str, ...] = ()
    keeper: Keeper | None = None
    partition: int = 0
    ordered: bool = False
    conditions: Mapping[str, str] = field(default_factory=dict)
    crash_restarts: Mapping[str, int] = field(default_factory=dict)
    crash_looping: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    selector: str = ""
    template_changed_at: datetime | None = None
    hung: tuple[tuple[str, str], ...] = ()
    pods_hash: str = ""
    pods_wanted: int = 0
    first_failure_at: datetime | None = None
    observed_at: datetime | None = None
    narrowing: Narrowing | None = None
    thing: Thing | None = None

    @property
    def rolling_out(self) -> bool:
        """ObservedGeneration behind, or not all updated, or old ones left; unavailable alone is not rolling out."""
        return self.observed_generation < self.generation or self.updated < self.replicas or self.current > self.updated


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: the form that is hashed and stored."""
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(text: str) -> str:
    """Hex digest of the UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()


def staleness_digest(action: str, params: Mapping[str, Any], state: TargetState, then: Sequence[Step] = ()) -> str:
    """What a person approves, as one hash; status is never in it. ``then`` are the steps after the first."""
    facts: dict[str, Any] = {
        "action": action,
        "params": dict(params),
        "cluster": state.cluster_uid,
        "target": state.target.key,
        "uid": state.target.uid,
        "template": state.template_hash,
        "paused": state.paused,
        "hpa": list(state.hpa[1:]) if state.hpa else None,
        "budget": state.budget[1] if state.budget else None,
    }
    # A DaemonSet's count follows its nodes: status, which is never in it.
    if state.hpa is None and state.target.kind != "DaemonSet":
        facts["replicas"] = state.replicas
    if then:
        facts["then"] = [{"action": step.action, "params": dict(step.params)} for step in then]
    return sha256(canonical(facts))
