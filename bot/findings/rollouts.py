"""How the newest change of the pod template relates to the trouble: which pods are of it, what came first.

Pods are told apart by their template hash where the revisions tell theirs, by their age otherwise. A restart is no
change. It refuses to blame the change; ``bad_rollout`` does, with everything else in view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.evidence import PodRow
from bot.domain.observed import ChangeSeen, RevisionSeen
from bot.findings.phrases import instant
from bot.findings.sick import How, Sick

FOLLOWS = timedelta(minutes=30)
"""What fails within this time after a change of the template may come from it (definitions: restarts)."""
SOON = timedelta(minutes=10)
STOOD = timedelta(hours=2)
"""A revision that stood so long was lived with."""
SKEW = timedelta(minutes=2)
"""Alerts carry another clock than the cluster's objects."""
ELSEWHERE = frozenset({How.LOST, How.EVICTED})
"""What happens to pods through their node, whatever their template."""


@dataclass(frozen=True)
class Rollout:
    """The newest change of the template.

    ``gap`` is the time from it to the first known failure, None while nothing failed at a known time; negative when the
    failure came first. ``new`` and ``old`` are ill pods of the new template and of older ones; ``new_ready`` and
    ``old_ready`` count pods that are ready.
    """

    at: datetime
    change: ChangeSeen | None
    current: RevisionSeen | None
    before: RevisionSeen | None
    gap: timedelta | None
    new: tuple[Sick, ...] = ()
    old: tuple[Sick, ...] = ()
    new_ready: int = 0
    old_ready: int = 0

    @property
    def follows(self) -> bool:
        """Whether the first failure came after the change and soon enough to be its doing; unknown counts.

        While the rollout isn't over, pods of both templates are there; if then only new ones are ill, time is no
        excuse.
        """
        if self.gap is None or -SKEW <= self.gap <= FOLLOWS:
            return True
        return self.gap > FOLLOWS and self.old_ready > 0 and self.by_the_new() and self.new_ready < len(self.new)

    @property
    def soon(self) -> bool:
        """Whether the first failure is known and came at once."""
        return self.gap is not None and -SKEW <= self.gap <= SOON

    @property
    def was_healthy(self) -> bool:
        """Whether the revision before is known to have worked, or stood for long before it was replaced.

        Of a revision without pods the cluster mostly can't tell whether it was healthy.
        """
        before = self.before
        if self.old_ready > 0 or (before is not None and (before.healthy is True or before.ready > 0)):
            return True
        since = instant(before.created_at) if before is not None and before.healthy is None else None
        return since is not None and self.at - since >= STOOD

    def by_the_new(self) -> bool:
        """Whether pods of the new template are ill and none of an older one is, but through its node."""
        return bool(self.new) and not [one for one in self.old if one.how not in ELSEWHERE]

    @property
    def words(self) -> str:
        """``rev 41 → 42, api:1.4.2, kubectl by kim``: what is known of it."""
        parts = []
        if self.current is not None and self.current.revision:
            before = f"{self.before.revision} → " if self.before is not None and self.before.revision else ""
            parts.append(f"rev {before}{self.current.revision}")
        if self.current is not None and self.current.images:
            parts.append(self.current.images[0].rsplit("/", 1)[-1])
        if self.change is not None and self.change.by:
            parts.append(f"by {self.change.by}")
        return ", ".join(parts)


def newest(
    changes: Sequence[ChangeSeen] | None,
    revisions: Sequence[RevisionSeen] | None,
    pods: Sequence[PodRow] | None,
    sick: Sequence[Sick],
    since: datetime | None,
) -> Rollout | None:
    """The newest template change, None when none is known. ``since`` is when the alerts began."""
    change = next((one for one in changes or () if one.kind == "template" and instant(one.at) is not None), None)
    current = next((one for one in revisions or () if one.current), None)
    before = _before(revisions or (), current)
    at = instant(change.at) if change is not None else None
    if at is None and current is not None and before is not None and changes is None:
        at = instant(current.created_at)
    if at is None and changes is None:
        at = _by_pods(pods or ())
    if at is None:
        return None
    is_new = _belongs(current, revisions or (), at)
    new = tuple(one for one in sick if is_new(one.pod))
    old = tuple(one for one in sick if not is_new(one.pod))
    failed = [one.since for one in new if one.since is not None]
    # While pods fail, they know best; else only the alerts tell, which fire some minutes after the fact.
    first = min(failed) if failed else since
    ill = {one.pod.name for one in sick}
    ready = [pod for pod in pods or () if pod.ready and not pod.deleting and pod.name not in ill]
    return Rollout(
        at,
        change,
        current,
        before,
        None if first is None else first - at,
        new,
        old,
        sum(1 for pod in ready if is_new(pod)),
        sum(1 for pod in ready if not is_new(pod)),
    )


def _by_pods(pods: Sequence[PodRow]) -> datetime | None:
    """Without changes or revisions, pods of two templates at once still tell of a rollout: when the younger began."""
    first: dict[str, datetime] = {}
    for pod in pods:
        created = instant(pod.created_at)
        if pod.hash and created is not None and not pod.deleting and pod.phase not in {"Failed", "Succeeded"}:
            first[pod.hash] = min(created, first.get(pod.hash, created))
    return max(first.values()) if len(first) > 1 else None


def _before(revisions: Sequence[RevisionSeen], current: RevisionSeen | None) -> RevisionSeen | None:
    """The last revision that was healthy; without one that is known to be, the one before."""
    others = [one for one in revisions if one is not current and not one.current]
    if current is not None and current.template:
        others = [one for one in others if one.template != current.template] or others
    return next((one for one in others if one.healthy or one.ready), others[0] if others else None)


def _belongs(current: RevisionSeen | None, revisions: Sequence[RevisionSeen], at: datetime) -> Callable[[PodRow], bool]:
    known = {one.hash for one in revisions if one.hash}

    def is_new(pod: PodRow) -> bool:
        if current is not None and current.hash and pod.hash in known:
            return pod.hash == current.hash
        created = instant(pod.created_at)
        return created is not None and created >= at - timedelta(seconds=5)

    return is_new
