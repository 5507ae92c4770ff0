"""What the logs of all pods point to, together: which pods say it, how often, as their last words, since when.

It refuses to read a line as proof: findings weigh it against what the cluster says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.evidence import PodRow
from bot.domain.observed import LogCountSeen, LogSeen, SignatureSeen
from bot.findings.lines import Points, points_to
from bot.findings.phrases import cut, instant

BEFORE = timedelta(minutes=10)
"""Lines that ended so long before the trouble began have nothing to do with it."""
_LAST_LINES = 6
WHOLE = 400
"""Characters that are kept of a line."""
_OFTEN = 3


@dataclass(frozen=True)
class Sign:
    """Lines that point to one thing.

    ``what`` is the host, the variable or the file, empty when the line doesn't name it; ``line`` the newest one;
    ``pods`` those that said it, ``last_words`` those of them that said it in a container that ended.
    """

    points: Points
    what: str
    line: str
    count: int
    pods: frozenset[str] = frozenset()
    last_words: frozenset[str] = frozenset()
    rose: bool = False
    """Whether such lines weren't there before the trouble, by the log store."""
    chronic: bool = False
    """Whether such lines were there long before the trouble: then they have little to do with it."""


def read(
    logs: Sequence[LogSeen],
    pods: Sequence[PodRow],
    counts: Sequence[LogCountSeen],
    before: LogCountSeen | None,
    now: datetime,
    began: datetime | None,
) -> tuple[Sign, ...]:
    """All signs: those that more pods gave as last words first, then by count."""
    found: dict[tuple[Points, str], Sign] = {}
    known = {told for told, _, _ in _of_count(before)} if before is not None else None
    for (points, what), sign in _of_logs(logs, pods, now, began):
        found[points, what] = _both(found.get((points, what)), sign)
    for window in counts:
        for (points, what), sample, number in _of_count(window):
            there = known is not None and (points, what) in known
            said = Sign(points, what, cut(sample, WHOLE), number, rose=known is not None and not there, chronic=there)
            found[points, what] = _both(found.get((points, what)), said)
    order = list(Points)
    return tuple(
        sorted(
            found.values(), key=lambda one: (-len(one.last_words), -len(one.pods), order.index(one.points), -one.count)
        )
    )


def _both(old: Sign | None, new: Sign) -> Sign:
    """One sign of two sightings: the line of the one that ended a container, else the older."""
    if old is None:
        return new
    return Sign(
        old.points,
        old.what,
        new.line if new.last_words and not old.last_words else old.line,
        old.count + new.count if new.pods else max(old.count, new.count),
        old.pods | new.pods,
        old.last_words | new.last_words,
        old.rose or new.rose,
        old.chronic and new.chronic,
    )


def _of_logs(
    logs: Sequence[LogSeen], pods: Sequence[PodRow], now: datetime, began: datetime | None
) -> Iterator[tuple[tuple[Points, str], Sign]]:
    """What each log points to, without what is history."""
    floor = (began or now) - BEFORE
    over = {(pod.name, part.name) for pod in pods for part in pod.containers if part.state == "terminated"}
    ends = {(pod.name, part.name): instant(part.last_finished_at) for pod in pods for part in pod.containers}
    for log in logs:
        ended = log.previous or (log.pod, log.container) in over
        ending = _ending(log) if ended and not _long_ago(log, ends.get((log.pod, log.container)), floor) else set()
        told: set[tuple[Points, str] | None] = {None}
        for one in log.signatures:
            first, last, line = instant(one.first_at), instant(one.last_at), _whole(one)
            key = points_to(line)
            if key is not None and (last is None or last >= floor or key in ending):
                told.add(key)
                chronic = first is not None and first < floor and key not in ending
                yield key, _said(key, _telling(one, key), one.count, log.pod, last=key in ending, chronic=chronic)
        for line in log.tail:
            key = points_to(line)
            if key is not None and key not in told and (not ended or key in ending):
                yield key, _said(key, line, 1, log.pod, last=key in ending)
    for pod in pods:
        for part in pod.containers:
            lines = part.last_message.strip().splitlines()
            key = points_to(lines[-1]) if lines and part.last_exit not in {None, 0} else None
            if key is not None:
                yield key, _said(key, lines[-1], 1, pod.name, last=True)


def _said(key: tuple[Points, str], line: str, count: int, pod: str, *, last: bool, chronic: bool = False) -> Sign:
    pods = frozenset({pod} - {""})
    return Sign(key[0], key[1], cut(line, WHOLE), count, pods, pods if last else frozenset(), chronic=chronic)


def _whole(signature: SignatureSeen) -> str:
    causes = [line for line in signature.trace if line.startswith("Caused by")]
    return " ".join((signature.sample or signature.text, *causes[-1:], *signature.trace[-1:]))


def _telling(signature: SignatureSeen, key: tuple[Points, str]) -> str:
    """The line of a signature that points where all of it does: the message itself, or the cause in its trace."""
    lines = (signature.sample or signature.text, *reversed(signature.trace))
    return next((line for line in lines if points_to(line) == key), lines[0])


def _long_ago(log: LogSeen, ended_at: datetime | None, floor: datetime) -> bool:
    """Whether the run that said it ended long before the trouble: how it ended then is history.

    A quiet program says its last words hours before it ends: when they were said tells where its end isn't known.
    """
    if ended_at is not None:
        return ended_at < floor
    known = [instant(one.last_at) for one in log.signatures]
    return bool(known) and all(at is not None and at < floor for at in known)


def _ending(log: LogSeen) -> set[tuple[Points, str] | None]:
    """What the container said last before it ended: its last lines, else its newest signature."""
    said = [told for line in log.tail[-_LAST_LINES:] if (told := points_to(line)) is not None]
    if said:
        return set(said[-1:])
    latest = max((one.last_at for one in log.signatures), default="")
    return {points_to(_whole(one)) for one in log.signatures if one.last_at == latest} - {None}


def _of_count(window: LogCountSeen | None) -> Iterator[tuple[tuple[Points, str], str, int]]:
    for one in window.signatures if window is not None else ():
        sample = one.sample or one.text
        key = points_to(sample)
        if key is not None:
            yield key, sample, one.count


def unexplained(found: Iterable[Sign]) -> Sign | None:
    """An error that came with the trouble, often or in several pods, and of which the words aren't known."""
    return next(
        (
            one
            for one in found
            if one.points is Points.ERROR and not one.chronic and (one.count >= _OFTEN or len(one.pods) > 1 or one.rose)
        ),
        None,
    )


def strongest(found: Iterable[Sign], *points: Points) -> Sign | None:
    """The first sign of these kinds, in their order of worth."""
    return next((one for one in found if one.points in points), None)
