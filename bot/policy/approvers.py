"""Who may approve: the people and groups that APPROVERS names, and nobody else.

Nobody configured means nobody may. A group whose members weren't read within three minutes denies, whoever presses.
This module refuses to ask Slack: members come as a view with the time they were read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.approval import Principal, is_group, is_oncall, too_few
from bot.domain.decision import ALLOWED, NOTHING_DONE, Decision, Reason, Rule, deny
from bot.domain.mitigation import Action, traits_of
from bot.domain.oncall import called

GROUP_MAX_AGE = timedelta(minutes=3)
"""Definitions: groups are refreshed each minute while proposals are pending; older than this denies."""


NAMED = 3
"""So many people or groups a refusal names."""


@dataclass(frozen=True)
class GroupView:
    """One user group as last read: Slack user ids; ``problem`` is a sentence when the last try failed."""

    members: frozenset[str] = frozenset()
    refreshed_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Listed:
    """One list of those who may approve, and where it stands: ``APPROVERS``, ``policy prod-rollback``.

    ``own`` for the proposal's own, as its card showed it.
    """

    name: str
    ids: tuple[str, ...]
    own: bool = False


def may_approve(
    principal: Principal,
    approvers: Sequence[str],
    groups: Mapping[str, GroupView],
    now: datetime,
    requested_by: str,
    action: str,
    self_approve: frozenset[str],
    names: Mapping[str, str] | None = None,
    listed_in: str = "APPROVERS",
    where: str = "",
    not_own: str = "",
) -> Decision:
    """Whether this person may approve this action now.

    ``approvers`` are Slack user ids (U..., W...) and group ids (S...); ``requested_by`` is a principal id, or
    Fettle's for an alert's proposal; ``self_approve`` are the actions that SELF_APPROVE names, ``not_own`` is the rule
    that lets nobody approve their own. For the refusal: ``names`` maps ids to what people call them (``@ana``,
    ``@sre-oncall``), members of groups included, ``listed_in`` is where they are named, ``where`` the namespace.
    """
    who = _called(principal)
    known = identity(principal)
    if not known.allowed:
        return known
    if not approvers:
        nobody = "Nobody is configured to approve. Set APPROVERS to Slack user or group ids and start again."
        return Decision((Reason(Rule.APPROVER, nobody),))
    noun = traits_of(action).noun if action in set(Action) else action
    what = f"a {noun} in {where}" if where else f"a {noun}"
    reasons = list(listed(principal, approvers, groups, now, ("approve", what), names or {}, listed_in))
    if principal.id == requested_by and not_own:
        said = f"{who}, you requested this {noun} yourself (policy {not_own}). Ask another approver."
        reasons.append(Reason(Rule.SELF_APPROVAL, said))
    elif principal.id == requested_by and action not in self_approve:
        reasons.append(
            Reason(
                Rule.SELF_APPROVAL,
                f"{who}, you requested this {action} yourself. Ask another approver, or name {action} in SELF_APPROVE.",
            )
        )
    return Decision(tuple(reasons))


def least(actions: tuple[str, ...], quorum: int) -> int:
    """How many different people have to approve: no playbook can ask for fewer than one of the actions itself wants."""
    return max(quorum, *(traits_of(action).least for action in actions))


def enough(actions: tuple[str, ...], quorum: int, given: Collection[str]) -> Decision:
    """Whether these principals are as many different people as it takes."""
    wanted, have = least(actions, quorum), len(set(given))
    if have >= wanted:
        return ALLOWED
    return deny(Rule.APPROVER, f"It needs {wanted} different people's approval and has {have}. {NOTHING_DONE}")


def common(lists: Sequence[Sequence[str]], groups: Mapping[str, GroupView], now: datetime) -> tuple[str, ...]:
    """Those who by every list may approve, as the card names them; empty when nobody can be left.

    A group whose members aren't known now may hold anybody: the press decides, with what is known then. It needs one
    list at least.
    """
    left = tuple(lists[0])
    for other in lists[1:]:
        ours, theirs = _told(left, other, groups, now), _told(other, left, groups, now)
        # Whoever is on call at the press counts: a schedule stays one, and every list is asked then.
        schedules = [one for one in (*other, *left) if is_oncall(one)]
        both = [one for one in schedules if one in other and one in left]
        left = tuple(dict.fromkeys((*(both or schedules), *theirs, *ours))) if left else ()
    return left


def _told(ids: Sequence[str], other: Sequence[str], groups: Mapping[str, GroupView], now: datetime) -> Iterator[str]:
    """Of these the ones that the other list has too; of a group that it hasn't, the members that it has."""
    known = {one: groups[one].members for one in groups if _known(groups[one], now)}
    for one in ids:
        if is_oncall(one):
            continue
        people = (one,) if one in other or not is_group(one) else sorted(known.get(one, ()))
        for person in people:
            inside = person in other or any(
                is_group(group) and not is_oncall(group) and group in groups and person in known.get(group, {person})
                for group in other
            )
            if inside:
                yield person


def _known(view: GroupView, now: datetime) -> bool:
    return view.refreshed_at is not None and now - view.refreshed_at < GROUP_MAX_AGE


def policy_text(
    approvers: Sequence[str], quorum: int, group_names: Mapping[str, str] | None = None, rules: Sequence[str] = ()
) -> str:
    """The card's line on who may approve, without the time: ``Needs 1 of 2 approvers · policy prod-rollback``."""
    named = f" · policy {', '.join(rules)}" if rules else ""
    return f"{_needs(approvers, quorum, group_names)}{named}"


def _needs(approvers: Sequence[str], quorum: int, group_names: Mapping[str, str] | None) -> str:
    if not approvers:
        return "Nobody may approve: set APPROVERS to Slack user or group ids"
    groups = [one for one in approvers if is_group(one)]
    if len(approvers) == 1 and groups:
        name = called(groups[0]) if is_oncall(groups[0]) else f"@{(group_names or {}).get(groups[0], groups[0])}"
        return f"Needs {quorum} of {name}"
    if too_few(approvers, quorum):
        return f"Needs {quorum} people, and only {len(set(approvers))} may approve"
    if groups:
        return f"Needs {quorum} of {len(approvers)} approvers and groups"
    return f"Needs {quorum} of {len(approvers)} approvers" if len(approvers) > 1 else "Needs the 1 approver"


def identity(principal: Principal) -> Decision:
    """Whether this is one living full member of this organisation: whoever isn't may look, and change nothing."""
    who = _called(principal)
    rows = (
        (not principal.id or not principal.slack_id, "I can't tell who pressed this, so nothing was done."),
        (principal.deleted, f"{who}, this account is deactivated; it may do nothing here."),
        (principal.bot, f"{who} is an app; only a person may do this."),
        (principal.stranger, f"{who}, you are in another organisation; only people of this one may do this."),
        (principal.restricted, f"{who}, guests may not do this. Ask a full member."),
    )
    return Decision(tuple(Reason(Rule.IDENTITY, sentence) for applies, sentence in rows if applies)[:1])


def _called(principal: Principal) -> str:
    return f"@{principal.name}" if principal.name else "You"


def named_by(
    principal: Principal, approvers: Sequence[str], groups: Mapping[str, GroupView], now: datetime
) -> tuple[str, timedelta] | None:
    """What of the list names this person: an empty text for the own id, else the group and how old its reading is."""
    if principal.slack_id in approvers:
        return "", timedelta()
    for group in filter(is_group, approvers):
        view = groups.get(group, GroupView())
        if view.refreshed_at is not None and _known(view, now) and principal.slack_id in view.members:
            return group, now - view.refreshed_at
    return None


def listed(
    principal: Principal,
    approvers: Sequence[str],
    groups: Mapping[str, GroupView],
    now: datetime,
    wanted: tuple[str, str],
    names: Mapping[str, str],
    listed_in: str,
) -> Iterator[Reason]:
    """A reason where this list doesn't name the person, or where that can't be told; ``wanted``: verb and object."""
    if named_by(principal, approvers, groups, now) is not None:
        return
    verb, what = wanted
    unread = [
        f"{_unread(one, names)} read within 3 minutes. {problem}".strip()
        for one, problem in unread_groups(approvers, groups, now)
    ]
    if unread:
        said = f"{_called(principal)}, I can't tell whether you may {verb}. {' '.join(unread)} Try again shortly."
    else:
        whole = f"{verb} {what}" if what else verb
        said = f"{_called(principal)}, only {_only(approvers, whole, names, listed_in, _ask(approvers, groups, names))}"
    yield Reason(Rule.APPROVER, said)


def _unread(one: str, names: Mapping[str, str]) -> str:
    if is_oncall(one):
        return f"{called(one)[:1].upper()}{called(one)[1:]} wasn't"
    return f"The members of group {names.get(one, one)} weren't"


def unread_groups(
    approvers: Sequence[str], groups: Mapping[str, GroupView], now: datetime
) -> Iterator[tuple[str, str]]:
    """(group, why) of the list's groups whose members aren't known now: they may hold anybody."""
    for one in filter(is_group, approvers):
        view = groups.get(one, GroupView(problem="It was never read."))
        if not _known(view, now):
            yield one, view.problem


def _only(approvers: Sequence[str], what: str, names: Mapping[str, str], listed_in: str, ask: str) -> str:
    """``@sre-oncall may approve a rollback in shop (policy prod-rollback). Ask @ana or @li``."""
    called = [names[one] for one in approvers if one in names]
    if len(called) == len(approvers) <= NAMED:
        return f"{' and '.join(called)} may {what} ({listed_in}). {ask}"
    return f"those whom {listed_in} names may {what}. {ask}"


def _ask(approvers: Sequence[str], groups: Mapping[str, GroupView], names: Mapping[str, str]) -> str:
    """Whom to ask: people whose names are known, themselves named or members of a group; else a group."""
    people = [one for one in approvers if not is_group(one)]
    people += [one for group in approvers if group in groups for one in sorted(groups[group].members)]
    known = [names[one] for one in dict.fromkeys(people) if one in names][:NAMED]
    if known and len(known) < len(set(people)):
        known.append("another of them")  # people are called by a name once they were seen
    known = (
        known
        or [f"somebody of {names[one]}" for one in approvers if is_group(one) and not is_oncall(one) and one in names][
            :NAMED
        ]
    )
    return f"Ask {' or '.join(known)}." if known else "Ask one of them."
