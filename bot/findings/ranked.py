"""All findings in one fixed order, and the ranking: the surest first, of equals the one that explains the others.

Each finder is a pure function of a case. It refuses to let one finder's bug cost the others: that is logged, and the
others' findings stand.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain.finding import Cause, Confidence, Finding, Suggestion
from bot.domain.snapshot import Snapshot
from bot.findings import (
    autoscaler_bound,
    bad_rollout,
    budget,
    config_change,
    config_missing,
    crash_loop,
    dependency_down,
    disk,
    image_pull,
    job_failed,
    node_trouble,
    nothing_wrong,
    oom_killed,
    probe_failure,
    quota,
    saturation,
    scrape_problem,
    service_degraded,
    stalled_controller,
    throttling,
    unschedulable,
    volume_mount,
)
from bot.findings.about import About
from bot.findings.case import Case

Find = Callable[[Case], Finding | None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finder:
    """One cause: what it says of itself, and its function."""

    about: About
    find: Find


_MODULES = (
    node_trouble,
    quota,
    image_pull,
    config_missing,
    disk,
    volume_mount,
    unschedulable,
    bad_rollout,
    config_change,
    oom_killed,
    job_failed,
    dependency_down,
    autoscaler_bound,
    saturation,
    probe_failure,
    throttling,
    scrape_problem,
    crash_loop,
    stalled_controller,
    budget,
    service_degraded,
    nothing_wrong,
)

FINDERS: Mapping[Cause, Finder] = {
    one.ABOUT.cause: Finder(one.ABOUT, one.find) for one in sorted(_MODULES, key=lambda one: -one.ABOUT.weight)
}
"""Cause -> finder, in the order in which ties are settled: what explains others first."""

UNEXPLAINED = frozenset({
    (Cause.SERVICE_DEGRADED, ""), (Cause.STALLED_CONTROLLER, "missing"), (Cause.VOLUME_MOUNT, "unsaid"),
})  # fmt: skip
"""What says that nothing explains what is seen: no longer so behind something surer that does."""

CLOSE = 15.0
"""Findings of one confidence whose weights are nearer than this are close: each names the other as its doubt."""


def rank(snapshot: Snapshot, finders: Mapping[Cause, Finder] = FINDERS) -> tuple[Finding, ...]:
    """All findings of a snapshot, best first; empty when nothing was found. Never raises."""
    case = Case(snapshot)
    found = [finding for cause, finder in finders.items() if (finding := _one(cause, finder, case)) is not None]
    if any(one.confidence is not Confidence.LOW and one.cause is not Cause.NOTHING_WRONG for one in found):
        found = [one for one in found if one.cause is not Cause.NOTHING_WRONG]
    ordered = sorted(found, key=_order)
    if ordered and ordered[0].confidence is not Confidence.LOW:
        ordered[1:] = [one for one in ordered[1:] if (one.cause, one.detail) not in UNEXPLAINED]
    return _doubted(tuple(ordered))


def joined(found: Sequence[Finding], theirs: Sequence[Finding]) -> tuple[Finding, ...]:
    """With what handlers found (``theirs``), each behind Fettle's own of its confidence.

    Nobody measured how often it is right. Of two that are equally sure, the one behind is the other's doubt.
    """
    if not theirs:
        return tuple(found)
    if any(one.confidence is not Confidence.LOW for one in theirs):
        found = [one for one in found if one.cause is not Cause.NOTHING_WRONG]
    ordered = tuple(sorted((*found, *theirs), key=_order))
    beside = next((one for one in theirs if one.confidence is ordered[0].confidence), None)
    if beside is None or ordered[0] is beside:
        return ordered
    return (_with(ordered[0], beside), *ordered[1:])


def _order(finding: Finding) -> tuple[int, bool, float]:
    return finding.confidence.rank, finding.cause is Cause.HANDLER, -finding.weight


def proposable(found: Sequence[Finding]) -> tuple[Suggestion, ...]:
    """What may be proposed, best first: what the first finding suggests, and nothing of those behind it.

    A finding that comes second is a doubt. What would cure it mustn't be done for a cause that it doesn't cure.
    """
    return found[0].suggestions if found else ()


def _one(cause: Cause, finder: Finder, case: Case) -> Finding | None:
    try:
        return finder.find(case)
    except Exception:  # the edge of a finder: a bug in one must not cost the incident the others' findings
        log.exception("finding %s failed", cause.value)
        return None


def _doubted(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The first two, each with the other as its doubt, if they are close."""
    if len(found) < 2:
        return found
    first, second = found[:2]
    if first.confidence is not second.confidence or abs(first.weight - second.weight) >= CLOSE:
        return found
    return (_with(first, second), _with(second, first), *found[2:])


def _with(one: Finding, other: Finding) -> Finding:
    finder = FINDERS.get(other.cause)
    doubt = f"it may also be {finder.about.words if finder else f'what the handler {other.detail} found'}"
    return replace(one, doubt="; ".join(filter(None, (one.doubt, doubt))))
