"""A policy in words, a line each: for ``fettle policy check``, and for the audit, which tells what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from bot.domain.rules import Match, Policy, PolicyRule, Window

GLASS, TOLD = "break glass: ", "environment"
"""How a line begins that gives a right, and one that moves namespaces into or out of rules."""


def lines(policy: Policy) -> tuple[str, ...]:
    """Every rule and window, how environments are told, and who may break the glass."""
    made = [f"rule {rule.name}: {match_words(rule.match)}: {', '.join(takes(rule))}" for rule in policy.rules]
    made += [f"window {one.name}: {match_words(one.match)}: {window_words(one)}" for one in policy.windows]
    told = policy.environments
    made += [f"environment {name}: {', '.join(patterns)}" for name, patterns in told.namespaces]
    made += [f"environment: the label {told.label} of the namespace"] if told.label else []
    made += [f"{GLASS}{one}" for one in policy.break_glass]
    return tuple(made)


def gives(gained: Iterable[str]) -> bool:
    """Whether lines that weren't there before may let more happen."""
    return any(line.startswith((GLASS, TOLD)) for line in gained)


def took(lost: Iterable[str]) -> bool:
    """The same of lines that are gone: all but those that gave."""
    return any(not line.startswith(GLASS) for line in lost)


def match_words(match: Match) -> str:
    """``rollback in shop, pay-* (prod), SEV1, of a StatefulSet``; everything where it says nothing."""
    parts = [" or ".join(match.actions)] if match.actions else ["every action"]
    parts += [f"in {', '.join(match.namespaces)}"] if match.namespaces else []
    parts += [f"in the environment {' or '.join(match.environments)}"] if match.environments else []
    parts += [f"for {' or '.join(one.name for one in match.severities)}"] if match.severities else []
    parts += [f"of a {' or '.join(match.kinds)}"] if match.kinds else []
    return " ".join(parts)


def takes(rule: PolicyRule) -> Iterator[str]:
    """What the rule takes away, or asks for."""
    if rule.deny:
        yield f"denied ({rule.deny.rstrip('.')})"
    if rule.approvers:
        yield f"only {' or '.join(rule.approvers)} may approve"
    if rule.quorum > 1:
        yield f"{rule.quorum} different people"
    if not rule.own:
        yield "nobody approves a request of their own"
    if rule.require_reason:
        yield "each approval with a reason"
    if rule.expires is not None:
        yield f"within {span(rule.expires)}"
    if rule.nudge is not None:
        yield f"reminded {span(rule.nudge)} before the end"


def window_words(window: Window) -> str:
    """``Fri 16:00 - Mon 08:00, Europe/Berlin (weekend)``."""
    why = f" ({window.reason.rstrip('.')})" if window.reason else ""
    return f"{', '.join(window.written)}, {window.zone}{why}"


def span(of: timedelta) -> str:
    """``10 min``, or seconds where it isn't whole minutes."""
    seconds = int(of.total_seconds())
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
