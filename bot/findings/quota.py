"""The namespace's quota or limit range forbids new pods, or is about to.

Then there are no pods to look at: the ReplicaSet's events and the workload's condition tell. It refuses to raise a
quota; whoever owns the namespace's budget does.
"""

from __future__ import annotations

import re

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.changed import room, scaled_lately
from bot.findings.phrases import clock, cut, listed, number_of, quantity, share, stop

ABOUT = About(
    Cause.QUOTA,
    "the namespace's quota",
    "`FailedCreate` events or the workload's `ReplicaFailure` condition say `exceeded quota` (or a limit range's "
    "bound). "
    "Or: an alert about quotas, and a quota that was read is used to 90 % or more.",
    "Pods are missing, a quota is used up, and no event says so.",
    "An alert about quotas or overcommitment alone.",
    "Rollback if the newest template asks for more; as many replicas as have a place, at least the former number, if "
    "scaling up did; else nothing.",
    92,
)
LIMIT_RANGE = "limit range"
"""The detail where it isn't a quota that forbids."""
_EXCEEDED = re.compile(
    r"exceeded quota: (?P<name>[\w.-]+), requested: (?P<asked>[^\s]+), used: (?P<used>[^\s]+), limited: "
    r"(?P<hard>[^\s]+)"
)
_FORBIDDEN = re.compile(
    r"is forbidden: .*?(exceeded quota|maximum|minimum|must specify|failed quota)", re.IGNORECASE | re.DOTALL
)
ALERTS = (
    "KubeQuota*",
    "KubeCPUQuotaOvercommit",
    "KubeMemoryQuotaOvercommit",
    "KubeCPUOvercommit",
    "KubeMemoryOvercommit",
)
_BEGINNINGS = tuple(name.rstrip("*") for name in ALERTS)
FULL = 0.9
WITHOUT_REFUSAL = 40.0
"""What a quota weighs that is nearly used up and has refused nothing yet."""


def find(case: Case) -> Finding | None:
    """What is refused first; else what is nearly used up, if that is what the alert is about."""
    refused = _refusal(case)
    if refused:
        return _refused(case, *refused)
    used = sorted((row for row in case.quotas or () if row.hard > 0), key=lambda row: -row.used / row.hard)
    alert = case.alert(*ALERTS)
    short = case.workload is not None and case.workload.current < case.workload.replicas and not case.sick
    if alert is None and not (short and used and used[0].used >= FULL * used[0].hard):
        return None
    if alert is not None and alert.name.endswith("Overcommit"):
        said = alert.annotations.get("summary", "") or alert.annotations.get("description", "")
        confidence, doubt = case.sure(Confidence.MEDIUM)
        text = f"{alert.name}: {cut(said.rstrip('.'), 160) or 'more is requested than fits when a node goes'}."
        return _finding(case, text, confidence, doubt, Cite("alerts", alert.name), "overcommit", (), WITHOUT_REFUSAL)
    if not used:
        confidence, doubt = case.sure(Confidence.LOW, "quotas")
        text = f"{alert.name if alert else 'A quota alert'} fires; no quota of the namespace could be looked at."
        return _finding(
            case,
            text,
            confidence,
            doubt,
            Cite("alerts", alert.name if alert else ""),
            "overcommit",
            (),
            WITHOUT_REFUSAL,
        )
    top = used[0]
    near = top.used / top.hard
    wanted = Confidence.HIGH if alert is not None and near >= FULL else Confidence.MEDIUM
    ill = "pods are ill for other reasons" if case.sick else ""
    others = _others(case)
    against = (ill, others, others and "a full quota alone fails nothing") if alert is not None else (ill,)
    confidence, doubt = case.sure(wanted if near >= FULL else Confidence.LOW, "quotas", against=against)
    says = f"{quantity(top.used, top.resource)} of {quantity(top.hard, top.resource)} {top.resource}"
    text = f"Quota {top.name} is used to {share(near)}: {says}."
    return _finding(
        case,
        text,
        confidence,
        doubt,
        Cite("quotas", f"{top.name}: {says}"),
        top.resource,
        (),
        ABOUT.weight if short else WITHOUT_REFUSAL,
    )


def _others(case: Case) -> str:
    """What else fires; a quota that is nearly full explains none of it."""
    names = [one.name for one in case.alerts if not one.name.startswith(_BEGINNINGS)]
    return f"{names[0]} fires too" if names else ""


def _refusal(case: Case) -> tuple[str, str] | None:
    """(source, message) of a creation that was forbidden."""
    for row in case.event_rows("FailedCreate"):
        if _FORBIDDEN.search(row.message):
            return "events", row.message
    for one in case.workload.conditions if case.workload is not None else ():
        if one.type == "ReplicaFailure" and one.status == "True" and _FORBIDDEN.search(one.message):
            return "workload", one.message
    return None


def _refused(case: Case, source: str, message: str) -> Finding:
    confidence, doubt = case.sure(Confidence.HIGH)
    found = _EXCEEDED.search(message)
    rollout = case.rollout
    new_only = rollout is not None and rollout.follows and rollout.was_healthy and case.changes is not None
    missing = case.workload.replicas - case.workload.current if case.workload is not None else 0
    who = number_of(missing, "pod") + " can't be created" if missing > 0 else "New pods can't be created"
    if found is not None:
        text = f"{who}: quota {found['name']} has {_counted(found)}"
    else:
        text = f"{who}: {cut(message.split('is forbidden: ', 1)[-1], 140)}"
    if new_only and rollout is not None:
        text += f", since the rollout of {clock(rollout.at)}" + (f" ({rollout.words})" if rollout.words else "")
    detail = found["asked"].split("=", 1)[0] if found is not None else LIMIT_RANGE
    suggestions: tuple[Suggestion, ...] = ()
    before = scaled_lately(case)
    if before is not None:
        suggestions = cures.scale(case, *room(case, before))
    elif new_only and _asks_for_more(case, detail):
        suggestions = cures.rollback(case, "the template before fits into the quota")
    return _finding(case, stop(text), confidence, doubt, Cite(source, cut(message, 240)), detail, suggestions)


def _counted(found: re.Match[str]) -> str:
    """``850m of 1 requests.cpu used, 250m was asked for``; of several resources each number with its own."""
    asked, used, hard = (cut(found[name], 80) for name in ("asked", "used", "hard"))
    what = asked.partition("=")[0]
    told = [one.partition("=") for one in (asked, used, hard)]
    if any("," in one or name != what for one, (name, _, _) in zip((asked, used, hard), told, strict=True)):
        return f"{used} used of {hard}, {asked} was asked for"
    more, has, most = (value for _, _, value in told)
    return f"{has} of {most} {what} used, {more} more was asked for"


def _asks_for_more(case: Case, detail: str) -> bool:
    """Whether the newest change touched what the quota counts, or a limit range refuses its pods."""
    rollout = case.rollout
    if rollout is None or rollout.change is None:
        return False
    return detail == LIMIT_RANGE or rollout.change.resources


def _finding(
    case: Case,
    text: str,
    confidence: Confidence,
    doubt: str,
    cite: Cite,
    detail: str,
    suggestions: tuple[Suggestion, ...],
    weight: float = ABOUT.weight,
) -> Finding:
    full = [row for row in case.quotas or () if row.hard > 0 and row.used / row.hard >= FULL]
    basis = {"quotas": "the quota's own count", "alerts": "the alert"}.get(cite.source, "the API server's own refusal")
    if full:
        basis += f", used up: {listed([row.resource for row in full])}"
    no_help = (
        ""
        if suggestions
        else "Whoever owns the namespace's budget has to raise it or free some of it; no action on a workload does."
    )
    return Finding(Cause.QUOTA, text, confidence, (cite,), basis, doubt, detail, suggestions, no_help, weight)
