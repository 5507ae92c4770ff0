"""What the rules of ``POLICY`` take away from one case: all that fit hold together, and the strictest word counts.

So no rule can give back what another takes, whatever their order, and one more rule never lets more happen. Pure; who
reads the namespace's labels hands them in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.decision import Reason, Rule
from bot.domain.rules import Case, Policy, PolicyRule


@dataclass(frozen=True)
class Narrowed:
    """The rules that fit a case, in the order of the policy, and what they come to."""

    rules: tuple[PolicyRule, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(rule.name for rule in self.rules)

    @property
    def quorum(self) -> int:
        """How many different people have to approve, at least."""
        return max((rule.quorum for rule in self.rules), default=1)

    @property
    def expires(self) -> timedelta | None:
        """How long it may be approved, at most; None where no rule says."""
        return min((rule.expires for rule in self.rules if rule.expires is not None), default=None)

    @property
    def nudge(self) -> timedelta | None:
        """How long before the end the approvers are reminded; of several the earliest."""
        return max((rule.nudge for rule in self.rules if rule.nudge is not None), default=None)

    @property
    def wants_reason(self) -> str:
        """The rule that wants a reason with each approval; empty where none does."""
        return next((rule.name for rule in self.rules if rule.require_reason), "")

    @property
    def not_own(self) -> str:
        """The rule by which nobody approves a request of their own; empty where none says so."""
        return next((rule.name for rule in self.rules if not rule.own), "")

    @property
    def wants_quorum(self) -> str:
        """The rule that wants the most people."""
        return next((rule.name for rule in self.rules if rule.quorum == self.quorum > 1), "")

    @property
    def approvers(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(rule, Slack ids) of each that names approvers: whoever approves is named by every one."""
        return tuple((rule.name, rule.approvers) for rule in self.rules if rule.approvers)

    @property
    def wants_people(self) -> str:
        """The rule by which people decide, so that nothing is done without one; empty where none says so."""
        return next((r.name for r in self.rules if r.approvers or r.quorum > 1 or r.require_reason), "")


def narrow(policy: Policy, *cases: Case) -> Narrowed:
    """The rules that one of these cases at least is one of: those of every step of one proposal hold together."""
    return Narrowed(tuple(rule for rule in policy.rules if any(map(rule.match.fits, cases))))


def check(narrowed: Narrowed, case: Case) -> Iterator[Reason]:
    """A reason for each rule that denies it."""
    where = f" in {case.namespace}" if case.namespace else ""
    for rule in narrowed.rules:
        if rule.deny:
            why = rule.deny if rule.deny.endswith((".", "!", "?")) else f"{rule.deny}."
            yield Reason(Rule.POLICY, f"The policy {rule.name} denies {case.action}{where}: {why}")
