"""A policy in words, a line each: for ``fettle policy check``, and for the audit, which tells what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum

from bot.domain.rules import Match, Policy, PolicyRule, Window


class Part(StrEnum):
    """What a line is about; the store keeps these words beside the lines of the last start."""

    RULES = "rules"
    WINDOWS = "windows"
    ENVIRONMENTS = "environments"  # moves namespaces into or out of rules
    GLASS = "break_glass"  # gives a right


def parts(policy: Policy) -> Mapping[Part, tuple[str, ...]]:
    """Every rule and window, how environments are told, and who may break the glass; what says nothing is left out."""
    told = policy.environments
    label = (f"environment: the label {told.label} of the namespace",) if told.label else ()
    made = {
        Part.RULES: tuple(
            f"rule {one.name}: {match_words(one.match)}: {', '.join(takes(one))}" for one in policy.rules
        ),
        Part.WINDOWS: tuple(
            f"window {one.name}: {match_words(one.match)}: {window_words(one)}" for one in policy.windows
        ),
        Part.ENVIRONMENTS: (*(f"environment {name}: {', '.join(of)}" for name, of in told.namespaces), *label),
        Part.GLASS: tuple(f"break glass: {one}" for one in policy.break_glass),
    }
    return {part: lines for part, lines in made.items() if lines}


def lines(policy: Policy) -> tuple[str, ...]:
    """The same, one after the other."""
    return tuple(line for made in parts(policy).values() for line in made)


def gives(gained: Iterable[str]) -> bool:
    """Whether lines of these parts that weren't there before may let more happen."""
    return any(part in {Part.GLASS, Part.ENVIRONMENTS} for part in gained)


def took(lost: Iterable[str]) -> bool:
    """The same of lines that are gone: all but those that gave."""
    return any(part != Part.GLASS for part in lost)


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
