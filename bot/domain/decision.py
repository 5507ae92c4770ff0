"""A decision is what policy said, with every reason; it is returned, never raised.

``allowed`` is true only if there is no reason against it: an unread fact is a reason (what can't be read denies).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """Which guard spoke; stable words for the audit and for tests."""

    MODE = "mode"
    ACTION = "action"
    NAMESPACE = "namespace"
    PROTECTED = "protected"
    CLUSTER = "cluster"
    OWNER = "owner"
    KIND = "kind"
    FROZEN = "frozen"
    RIGHTS = "rights"
    PAUSED = "paused"
    ROLLING_OUT = "rolling_out"
    AUTOSCALED = "autoscaled"  # an autoscaler sets the number of replicas
    BLAST_RADIUS = "blast_radius"  # more at once than may be
    BUDGET = "budget"  # evictions wait: for pods that end, or for what fires on the same budget
    SCALED_TO_ZERO = "scaled_to_zero"
    STRATEGY = "strategy"
    STATE = "state"  # the target is in no state in which this would help
    ANNOTATION = "annotation"  # a team took the verb away, on the workload or its namespace
    IN_FLIGHT = "in_flight"
    COOLDOWN = "cooldown"
    RATE = "rate"
    BREAKER = "breaker"
    AUTONOMY = "autonomy"  # it may not be done without a person
    POLICY = "policy"  # a rule of POLICY denies it
    WINDOW = "window"  # a freeze window of POLICY is on
    STALE = "stale"
    EXPIRED = "expired"
    SETTLED = "settled"  # the proposal was already decided
    APPROVER = "approver"
    RBAC = "rbac"  # the cluster doesn't let the approver's own account do it
    SELF_APPROVAL = "self_approval"
    IDENTITY = "identity"
    UNREADABLE = "unreadable"
    GONE = "gone"


@dataclass(frozen=True)
class Reason:
    """One reason against: the rule, and a sentence that says what to do where something can be done."""

    rule: Rule
    sentence: str


@dataclass(frozen=True)
class Decision:
    """``reasons`` deny, ``warnings`` only inform; ``policy`` says in one line who may approve and until when."""

    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()
    policy: str = ""

    @property
    def allowed(self) -> bool:
        """No reason against."""
        return not self.reasons

    @property
    def sentence(self) -> str:
        """All reasons as one text, empty when allowed."""
        return " ".join(reason.sentence for reason in self.reasons)

    def has(self, rule: Rule) -> bool:
        """Whether this rule denied."""
        return any(reason.rule is rule for reason in self.reasons)

    def __add__(self, other: Decision) -> Decision:
        """Both together: any reason of either denies."""
        return Decision(
            self.reasons + other.reasons,
            self.warnings + other.warnings,
            self.policy or other.policy,
        )


def deny(rule: Rule, sentence: str) -> Decision:
    """A decision with one reason."""
    return Decision((Reason(rule, sentence),))


ALLOWED = Decision()

NOTHING_DONE = "Nothing was done."
"""How a refusal ends that came before anything was sent."""


def so_far(sentence: str) -> str:
    """A refusal as it reads after a part of the same was done: who refuses the rest knows of no part."""
    return sentence.replace(NOTHING_DONE, "Nothing more was done.")
