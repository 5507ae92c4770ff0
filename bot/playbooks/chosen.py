"""From ranked findings to the one mitigation that is proposed, or to the reason why none is, and what a person can do.

Only the first finding leads to a proposal: what cures the second cause doesn't cure the first. Of what it suggests,
in its order, the playbook lets pass what it names, its guards and the finding's own values allow; Fettle must have it.
Pure; it refuses to weigh what policy says, which is asked afterwards and always.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.domain.finding import Cause, Finding, Suggestion
from bot.playbooks.schema import Alone, Playbook
from bot.playbooks.step import FromFinding, Guards, Step

NOT_YET = "Fettle can't do this yet"
NOT_ALLOWED = "ALLOWED_ACTIONS doesn't name it"


@dataclass(frozen=True)
class Weighed:
    """One mitigation that was thought of; ``against`` is why not, empty for the one that is proposed."""

    suggestion: Suggestion
    against: str = ""
    missing: bool = False
    """Nothing is against it but that Fettle doesn't have it, or isn't allowed it."""
    possible: bool = False
    """Nothing is against it but, perhaps, that another one comes first."""
    then: tuple[Suggestion, ...] = ()
    """What follows it under the same approval."""
    cut: str = ""
    """Why nothing follows it though the playbook says so, a whole sentence."""


@dataclass(frozen=True)
class _Able:
    """What Fettle can carry out, and what of it the settings let it."""

    available: Collection[str]
    allowed: Collection[str]

    def lacks(self, action: str) -> str:
        """Why Fettle itself won't do this, a clause; empty when it may."""
        if action not in self.available:
            return NOT_YET
        return "" if action in self.allowed else NOT_ALLOWED


@dataclass(frozen=True)
class Planned:
    """What follows from the findings.

    ``why`` is a whole sentence: the reason for the suggestion, or why there is none. ``advice`` is empty, or names
    what would be better and the command that does it by hand. ``approvers``, ``expires`` and ``quorum`` narrow the
    settings where the playbook says so; ``alone`` is what it says of acting by itself, None where it doesn't. ``then``
    are the steps that follow the suggestion under the same approval.
    """

    suggestion: Suggestion | None
    why: str
    advice: str = ""
    finding: Finding | None = None
    weighed: tuple[Weighed, ...] = ()
    approvers: tuple[str, ...] = ()
    expires: timedelta | None = None
    quorum: int = 1
    alone: Alone | None = None
    then: tuple[Suggestion, ...] = ()


def plan(
    playbook: Playbook,
    findings: Sequence[Finding],
    available: Collection[str],
    *,
    kind: str = "",
    replicas: int | None = None,
    allowed: Collection[str] | None = None,
) -> Planned:
    """What is proposed for these findings (best first) on a target of this kind; ``available`` are Fettle's actions.

    ``replicas`` is what the target wants to have, None when that isn't known: then a guard on it denies.
    """
    if not findings:
        return Planned(None, "Nothing was found that explains these alerts.")
    finding = findings[0]
    able = _Able(available, available if allowed is None else allowed)
    weighed = tuple(_weigh(playbook, finding, able, kind, replicas))
    best = next((one for one in weighed if not one.against), None)
    advice = _advice(weighed, best)
    if best is not None:
        why = f"{_ended(best.suggestion.reason or finding.sentence)} {best.cut}".rstrip()
        approval = playbook.approval
        return Planned(
            best.suggestion, why, advice, finding, weighed, approval.approvers, approval.expires, approval.quorum,
            approval.none, best.then,
        )  # fmt: skip
    return Planned(None, _why_none(playbook, finding, weighed), advice, finding, weighed)


def _weigh(playbook: Playbook, finding: Finding, able: _Able, kind: str, replicas: int | None) -> Iterator[Weighed]:
    """Everything that the finding suggests, then what the playbook adds to it, the first that fits without a word."""
    steps: dict[str, Step] = {step.action: step for step in reversed(playbook.steps(finding) or ())}
    taken = False
    for suggestion in _thought_of(playbook, finding, steps.values()):
        step = steps.get(suggestion.action)
        filled = _filled(step, suggestion) if step else suggestion
        against = _against(playbook, finding, step, suggestion, kind, replicas)
        lacks = "" if against else able.lacks(suggestion.action)
        if lacks:
            against = f"{lacks}."
        possible = not against
        if possible and taken:
            against = "What comes before it is proposed."
        taken = taken or possible
        then, cut = _following(playbook, step, able) if step else ((), "")
        yield Weighed(filled, against, bool(lacks), possible, then, cut)


def _following(playbook: Playbook, step: Step, able: _Able) -> tuple[tuple[Suggestion, ...], str]:
    """The steps after this one, all of them or none; and why none, where one of them isn't to be had."""
    for one in step.then:
        denied = one.action in playbook.guards.deny
        lacks = f"the playbook {playbook.name} denies it" if denied else able.lacks(one.action)
        if lacks:
            return (), f"{one.action.replace('_', ' ').capitalize()} would follow; {lacks}."
    return tuple(Suggestion(one.action, dict(one.params)) for one in step.then), ""


def picked(planned: Planned, action: str, params: Mapping[str, Any], why: str) -> Planned:
    """The plan with another of its possible mitigations, or with none (no ``action``); ``why`` is a clause.

    All that narrows it stays: approvers, the time to approve, and whatever policy says afterwards.
    """
    if not action:
        return replace(planned, suggestion=None, why=_ended(why), advice="", then=())
    one = next(one for one in planned.weighed if one.possible and one.suggestion.action == action)
    reason = f"{_ended(one.suggestion.reason)} {_ended(why)}" if one.suggestion.reason else _ended(why)
    by_hand = one.suggestion.by_hand if params == one.suggestion.params else ""
    suggestion = replace(one.suggestion, params=dict(params), by_hand=by_hand)
    return replace(planned, suggestion=suggestion, why=reason, then=one.then)


def _thought_of(playbook: Playbook, finding: Finding, steps: Collection[Step]) -> Iterator[Suggestion]:
    yield from finding.suggestions
    suggested = {suggestion.action for suggestion in finding.suggestions}
    for step in sorted((one for one in steps if one.unsuggested), key=list(steps).index):
        if step.action not in suggested:
            reason = f"the playbook {playbook.name} proposes it for {finding.cause}, the finding itself doesn't"
            yield Suggestion(step.action, {}, reason)


def _filled(step: Step, suggestion: Suggestion) -> Suggestion:
    """With the playbook's fixed values; a command by hand that says other values isn't shown."""
    fixed = {name: value for name, value in step.params.items() if not isinstance(value, FromFinding)}
    changed = {name: value for name, value in fixed.items() if suggestion.params.get(name) != value}
    if not changed:
        return suggestion
    return replace(suggestion, params={**suggestion.params, **fixed}, by_hand="")


def _against(
    playbook: Playbook, finding: Finding, step: Step | None, suggestion: Suggestion, kind: str, replicas: int | None
) -> str:
    name = playbook.name
    if suggestion.action in playbook.guards.deny:
        return f"The playbook {name} denies {suggestion.action}."
    if step is None:
        return f"The playbook {name} doesn't propose {suggestion.action} for {_cause(finding)}."
    for guards in (playbook.guards, step.guards):
        if said := _guarded(guards, finding, kind, replicas):
            return f"The playbook {name} {said}."
    lacking = [
        param
        for param, value in step.params.items()
        if isinstance(value, FromFinding) and suggestion.params.get(param) in {None, ""}
    ]
    return f"The finding doesn't say which {lacking[0]} to take." if lacking else ""


def _cause(finding: Finding) -> str:
    return f"what the handler {finding.detail} found" if finding.cause is Cause.HANDLER else str(finding.cause)


def _guarded(guards: Guards, finding: Finding, kind: str, replicas: int | None) -> str:
    if guards.only_kinds and kind not in guards.only_kinds:
        return f"is for {', '.join(guards.only_kinds)} only, and this is {f'a {kind}' if kind else 'an unknown kind'}"
    if guards.never_kinds and (not kind or kind in guards.never_kinds):
        return f"is never for a {kind}" if kind else "leaves kinds out, and this kind isn't known"
    least = guards.min_replicas
    if least is not None and (replicas is None or replicas < least):
        has = "how many there are isn't known" if replicas is None else f"there {_are(replicas)}"
        return f"wants at least {least} replica{'' if least == 1 else 's'}, and {has}"
    sure = guards.min_confidence
    if sure is not None and finding.confidence.rank > sure.rank:
        return f"wants a confidence of at least {sure}, and this is {finding.confidence}"
    return ""


def _are(number: int) -> str:
    return "is 1" if number == 1 else f"are {number}"


def _why_none(playbook: Playbook, finding: Finding, weighed: Sequence[Weighed]) -> str:
    if not weighed:
        return _ended(finding.no_help or f"No mitigation is known for {finding.cause}")
    if playbook.steps(finding) is None:
        return f"The playbook {playbook.name} proposes nothing for {_cause(finding)}."
    reasons = [one.against for one in weighed if not one.missing]
    if not reasons:
        names = ", ".join(one.suggestion.action.replace("_", "-") for one in weighed)
        lacks = weighed[0].against.rstrip(".")
        return f"What helps here is {names}. {lacks[:1].upper()}{lacks[1:]}."
    return " ".join(dict.fromkeys(reasons))


def _advice(weighed: Sequence[Weighed], best: Weighed | None) -> str:
    """The better way that only a person has: the first that Fettle lacks, if it comes before what is proposed."""
    for one in weighed:
        if one is best:
            return ""
        if one.missing:
            action = one.suggestion.action.replace("_", " ")
            would = "would help" if best is None else "would be better"
            how = f" By hand: {one.suggestion.by_hand}" if one.suggestion.by_hand else ""
            return f"{action.capitalize()} {would}, but {one.against.rstrip('.')}.{how}"
    return ""


def _ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text[:1].upper()}{text[1:]}."
