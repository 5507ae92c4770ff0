"""What changed from one set of playbooks to another, in words, and which of it widens what may be proposed or approved.

Whatever can't be told to narrow counts as widening: a person is then told once too often. It refuses to judge whether
the change is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.playbooks.choose import PlaybookSet
from bot.playbooks.schema import Alone, Approval, Playbook, PlaybookGuards
from bot.playbooks.step import Guards, Step


@dataclass(frozen=True)
class Change:
    """One change, a clause without its end; ``widens`` when more may be proposed, or approved, than before."""

    playbook: str
    what: str
    widens: bool = False

    def __str__(self) -> str:
        return f"{self.playbook}: {self.what}"


def diff(old: PlaybookSet, new: PlaybookSet) -> tuple[Change, ...]:
    """Every change, by playbook; empty for two sets with one hash."""
    if old.hash == new.hash:
        return ()
    before = {one.name: one for one in old.playbooks}
    after = {one.name: one for one in new.playbooks}
    made: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            made.append(_added(after[name]))
        elif name not in after:
            made.append(_removed(before[name]))
        else:
            made += _changed(before[name], after[name])
    if not made:  # only whose they are changed
        made = [Change(name, "comes from the folder now" if name in new.own else "is the built-in one again")
                for name in sorted(old.own ^ new.own)]  # fmt: skip
    return tuple(made)


def sentence(changes: tuple[Change, ...], *, only_widening: bool = False, most: int = 12) -> str:
    """The changes as one line, cut after a few."""
    kept = [str(one) for one in changes if one.widens or not only_widening]
    rest = f"; and {len(kept) - most} more" if len(kept) > most else ""
    return "; ".join(kept[:most]) + rest


def _added(playbook: Playbook) -> Change:
    actions = playbook.actions()
    what = f"new, may propose {', '.join(actions)}" if actions else "new, proposes nothing"
    if playbook.approval.none is not None and actions:
        what += f"; {alone_words(playbook.approval.none)}"
    # It may take alerts from a playbook that proposes nothing, or that narrows who may approve.
    return Change(playbook.name, what, bool(actions))


def _removed(playbook: Playbook) -> Change:
    # Its alerts fall to another playbook, which may propose more.
    return Change(playbook.name, "gone; its alerts fall to another playbook", widens=True)


def _changed(old: Playbook, new: Playbook) -> Iterator[Change]:
    name = old.name
    yield from _steps(name, old, new)
    yield from _guards(name, "", old.guards, new.guards)
    yield from _approval(name, old.approval, new.approval)
    if old.verification != new.verification:
        loosened = not set(old.verification.metrics) <= set(new.verification.metrics)
        yield Change(name, "verification changed", loosened)
    if old.match != new.match or old.priority != new.priority:
        # Other alerts reach it, or no longer: in both cases others may be proposed than before.
        yield Change(name, "is for other alerts", widens=True)
    for key in ("title", "evidence", "queries", "logs", "severity", "routing", "links"):
        if getattr(old, key) != getattr(new, key):
            yield Change(name, f"{key} changed")


def _steps(name: str, old: Playbook, new: Playbook) -> Iterator[Change]:
    before, after = _by_place(old), _by_place(new)
    for place in sorted(before.keys() | after.keys()):
        cause, action = place
        if place not in before:
            yield Change(name, f"may propose {action} for {cause}", widens=True)
        elif place not in after:
            yield Change(name, f"no longer proposes {action} for {cause}", _uncovers(cause, new))
        else:
            yield from _step(name, cause, before[place], after[place])
    for cause in sorted((old.findings.keys() - new.findings.keys()) - {cause for cause, _ in before}):
        yield Change(name, f"no longer names {cause}", _uncovers(cause, new))
    for cause in sorted((new.findings.keys() - old.findings.keys()) - {cause for cause, _ in after}):
        yield Change(name, f"names {cause}, and proposes nothing for it")


def _uncovers(cause: str, new: Playbook) -> bool:
    """A detail that is no longer named falls to its cause, which may propose more."""
    return "/" in cause and cause not in new.findings and cause.partition("/")[0] in new.findings


def _by_place(playbook: Playbook) -> Mapping[tuple[str, str], Step]:
    return {(cause, step.action): step for cause, step in reversed(list(playbook.all_steps()))}


def _step(name: str, cause: str, old: Step, new: Step) -> Iterator[Change]:
    where = f"{old.action} for {cause}"
    if old.params != new.params:
        yield Change(name, f"{where} takes other values", widens=True)
    if old.unsuggested != new.unsuggested:
        how = "even where the finding doesn't suggest it" if new.unsuggested else "only where the finding suggests it"
        yield Change(name, f"{where} is proposed {how}", new.unsuggested)
    if old.then != new.then:
        after = " then ".join(one.action for one in new.then)
        said = f"is followed by {after}, under one approval" if after else "is followed by nothing"
        yield Change(name, f"{where} {said}", any(one not in old.then for one in new.then))
    yield from _guards(name, f" of {where}", old.guards, new.guards)


def _guards(name: str, where: str, old: Guards, new: Guards) -> Iterator[Change]:
    if set(old.only_kinds) != set(new.only_kinds):
        widens = bool(old.only_kinds) and (not new.only_kinds or not set(new.only_kinds) <= set(old.only_kinds))
        yield Change(name, f"only_kinds{where} is {_list(new.only_kinds)}", widens)
    if set(old.never_kinds) != set(new.never_kinds):
        widens = not set(old.never_kinds) <= set(new.never_kinds)
        yield Change(name, f"never_kinds{where} is {_list(new.never_kinds)}", widens)
    if old.min_replicas != new.min_replicas:
        widens = (new.min_replicas or 0) < (old.min_replicas or 0)
        yield Change(name, f"min_replicas{where} is {new.min_replicas or 'not set'}", widens)
    if old.min_confidence != new.min_confidence:
        widens = _looseness(new) > _looseness(old)
        yield Change(name, f"min_confidence{where} is {new.min_confidence or 'not set'}", widens)
    if isinstance(old, PlaybookGuards) and isinstance(new, PlaybookGuards) and set(old.deny) != set(new.deny):
        yield Change(name, f"deny is {_list(new.deny)}", not set(old.deny) <= set(new.deny))


def _looseness(guards: Guards) -> int:
    return guards.min_confidence.rank if guards.min_confidence is not None else 99


def _approval(name: str, old: Approval, new: Approval) -> Iterator[Change]:
    if set(old.approvers) != set(new.approvers):
        widens = bool(old.approvers) and (not new.approvers or not set(new.approvers) <= set(old.approvers))
        yield Change(name, f"approvers are {_list(new.approvers) if new.approvers else 'those of APPROVERS'}", widens)
    if old.expires != new.expires:
        shown = f"{new.expires.total_seconds():g} s" if new.expires else "that of APPROVAL_TTL"
        yield Change(name, f"the time to approve is {shown}", _span(new) > _span(old))
    if old.quorum != new.quorum:
        people = "1 person has" if new.quorum == 1 else f"{new.quorum} people have"
        yield Change(name, f"{people} to approve", new.quorum < old.quorum)
    if old.none != new.none:
        yield Change(name, alone_words(new.none) if new.none else "it acts with an approval only", _freer(old, new))


def alone_words(alone: Alone) -> str:
    """``it may act without an approval, 3 times an hour at most, 60 s after it said so``."""
    often = "once" if alone.hourly == 1 else f"{alone.hourly} times"
    after = f"{alone.delay.total_seconds():g} s after it said so"
    return f"it may act without an approval, {often} an hour at most, {after}"


def _freer(old: Approval, new: Approval) -> bool:
    if new.none is None:
        return False
    return old.none is None or new.none.hourly > old.none.hourly or new.none.delay < old.none.delay


def _span(approval: Approval) -> timedelta:
    return approval.expires if approval.expires is not None else timedelta.max


def _list(found: tuple[str, ...]) -> str:
    return ", ".join(found) or "empty"
