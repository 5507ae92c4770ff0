"""Breaking the glass: freeze windows and rates give way to a named person with a reason, and nothing else does.

Never the kill switch, what is allowed at all, a rule's denial, staleness, the breaker, the need of an approval. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.domain.approval import Principal
from bot.domain.decision import Decision, Reason, Rule, deny
from bot.policy import approvers
from bot.policy.approvers import GroupView

GIVES_WAY = frozenset({Rule.WINDOW, Rule.COOLDOWN, Rule.RATE})
BROKEN = "glass"
"""The key of a proposal's baseline that holds who broke the glass for it, and what gave way."""
UNCONFIGURED = "Nobody may break the glass: POLICY names nobody in break_glass."


@dataclass(frozen=True)
class Broken:
    """Who broke the glass, and the rules that were against it then: those alone give way, nothing that came later."""

    by: str = ""
    rules: tuple[str, ...] = ()

    def kept(self) -> dict[str, object]:
        """As JSON; empty where nobody did."""
        return {"by": self.by, "rules": list(self.rules)} if self.by else {}

    @classmethod
    def of(cls, kept: Any) -> Broken:
        """The reverse of ``kept``; whatever else it is was broken by nobody."""
        if not isinstance(kept, Mapping):
            return cls()
        return cls(str(kept.get("by", "")), tuple(map(str, kept.get("rules") or ())))


NOBODY = Broken()


def gives_way(decision: Decision) -> bool:
    """Whether nothing is against it but what breaking the glass overrides."""
    return bool(decision.reasons) and all(reason.rule in GIVES_WAY for reason in decision.reasons)


def without(decision: Decision, rules: Collection[str] = GIVES_WAY) -> Decision:
    """What is left of a decision once the glass is broken for these rules; what gave way becomes a warning."""
    ours = GIVES_WAY & frozenset(rules)
    gone = tuple(reason for reason in decision.reasons if reason.rule in ours)
    left = tuple(reason for reason in decision.reasons if reason.rule not in ours)
    told = tuple(f"Glass broken: {reason.sentence}" for reason in gone)
    return replace(decision, reasons=left, warnings=(*decision.warnings, *told))


def may_break(
    principal: Principal,
    named: Sequence[str],
    groups: Mapping[str, GroupView],
    now: datetime,
    names: Mapping[str, str],
) -> Decision:
    """Whether this person may; ``named`` are Slack ids of people and groups, read like those of approvers."""
    known = approvers.identity(principal)
    if not known.allowed:
        return known
    if not named:
        return deny(Rule.APPROVER, UNCONFIGURED)
    against: tuple[Reason, ...] = tuple(
        approvers.listed(principal, named, groups, now, ("break the glass", ""), names, "break_glass of POLICY")
    )
    return Decision(against)
