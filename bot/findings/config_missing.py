"""A ConfigMap, a Secret or a key that the template asks for isn't there, so the container can't be made.

The kubelet names it, for environment variables in the container's state, for volumes in events. It refuses to read
Secrets; whether one exists is only ever the kubelet's word.
"""

from __future__ import annotations

import re

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.phrases import clock, cut, listed, number_of, stop
from bot.findings.sick import How

ABOUT = About(
    Cause.CONFIG_MISSING,
    "configuration that isn't there",
    "A container waits with `CreateContainerConfigError`, or a pod that is being created has a `FailedMount` that "
    "names a "
    "ConfigMap, Secret or key.",
    "A pod is being created, and a ConfigMap that its template names is known to be missing.",
    "",
    "Rollback if the newest template brought the reference; else nothing: create what is missing, the pods start by "
    "themselves.",
    90,
)
MISSING = re.compile(
    r"(?P<kind>secrets?|configmaps?) \"?(?P<name>[\w.-]+)\"? not found"
    r"|couldn't find key (?P<key>[\w.-]+) in (?P<of>ConfigMap|Secret) (?P<where>[\w./-]+)"
    r"|references non-existent (?:config|secret) key: (?P<entry>[\w.-]+)"
    r"|object \"[^\"]+\"/\"(?P<object>[^\"]+)\" not registered",
    re.IGNORECASE,
)


def find(case: Case) -> Finding | None:
    """What is missing, by the kubelet's word; by the references when a pod waits for nothing known."""
    waiting = case.sick_with(How.CONFIG)
    if waiting:
        message = waiting[0].container.message or next((row.message for row in case.event_rows("Failed")), "")
        what = named(message)
        cite = Cite(
            "pods",
            f"{waiting[0].container.name or waiting[0].pod.name}: {waiting[0].container.reason}: {cut(message, 200)}",
        )
        confidence, doubt = case.sure(Confidence.HIGH if what or not message else Confidence.MEDIUM, "pods")
        return _finding(case, len(waiting), what, message, confidence, doubt, cite, missing=bool(what))
    creating = case.sick_with(How.CREATING)
    for row in case.event_rows("FailedMount", "Failed") if creating or case.pods is None else ():
        what = named(row.message)
        if what:
            confidence, doubt = case.sure(Confidence.HIGH, "pods", "events")
            return _finding(
                case,
                len(creating) or 1,
                what,
                row.message,
                confidence,
                doubt,
                Cite("events", cut(row.message, 200)),
                missing=True,
            )
    lost = [one for one in case.references or () if (one.exists is False or one.missing) and not one.optional]
    if lost and (creating or case.sick_with(How.CRASH)):
        return None if not creating else _by_reference(case, len(creating), lost[0].kind, lost[0].name, lost[0].missing)
    return None


def _by_reference(case: Case, pods: int, kind: str, name: str, keys: tuple[str, ...]) -> Finding:
    what = f"{kind} {name}" if not keys else f"key {listed(keys)} in {kind} {name}"
    confidence, doubt = case.sure(Confidence.MEDIUM, "pods", "events")
    return _finding(case, pods, what, "", confidence, doubt, Cite("config", f"{what} isn't there"), missing=True)


def _finding(
    case: Case, pods: int, what: str, message: str, confidence: Confidence, doubt: str, cite: Cite, *, missing: bool
) -> Finding:
    rollout = case.rollout
    by_new = rollout is not None and rollout.by_the_new() and rollout.was_healthy and rollout.follows
    text = (
        f"{number_of(pods, 'pod')} can't start: {what} isn't there"
        if what
        else f"{number_of(pods, 'pod')} can't start: {cut(message) or 'the configuration of its container is wrong'}"
    )
    if by_new and rollout is not None:
        text += f", since the rollout of {clock(rollout.at)}" + (f" ({rollout.words})" if rollout.words else "")
    suggestions = cures.rollback(case, "the template before doesn't ask for it") if by_new else ()
    no_help = ""
    if not suggestions:
        where = f" in {case.target.namespace}" if case.target is not None and case.target.namespace else ""
        no_help = (
            f"Create {what or 'what is missing'}{where}; the pods then start by themselves. Starting them again "
            f"changes nothing."
            if missing
            else "The template has to be changed; starting the pods again changes nothing."
        )
    return Finding(
        Cause.CONFIG_MISSING,
        stop(text),
        confidence,
        (cite,),
        "the kubelet names it" if what else "the kubelet's own reason",
        doubt,
        "missing" if missing else "refused",
        suggestions,
        no_help,
        ABOUT.weight,
    )


def named(message: str) -> str:
    """``Secret api-secret``, ``key DB_URL in ConfigMap shop/api``; empty when the message names nothing missing."""
    found = MISSING.search(message)
    if found is None:
        return ""
    if found["key"]:
        return f"key {found['key']} in {found['of']} {found['where']}"
    if found["entry"]:
        return f"key {found['entry']}"
    if found["object"]:
        return f"ConfigMap or Secret {found['object']}"
    kind = "Secret" if found["kind"].lower().startswith("secret") else "ConfigMap"
    return f"{kind} {found['name']}"
