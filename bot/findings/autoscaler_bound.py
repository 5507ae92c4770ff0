"""The autoscaler wants more replicas than it may have, or can't read what it scales by.

It refuses to call a full autoscaler a problem by itself: only with the alert about it, or a metric above its target
while the service suffers.
"""

from __future__ import annotations

import math

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.observed import AutoscalerSeen
from bot.domain.snapshot import AlertSeen
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.dependencies import suspect
from bot.findings.phrases import cut, listed, number_of, stop
from bot.findings.sick import How

ABOUT = About(
    Cause.AUTOSCALER_BOUND,
    "an autoscaler at its bound",
    "The autoscaler is at its maximum with a metric above its target, the alert is about it or the service suffers, "
    "and its pods are well.",
    "The metric isn't told, or pods are ill.",
    "It is at its maximum, and nothing says that this hurts.",
    "Raise the maximum by a bounded step. An autoscaler that can't read its metric: nothing, the metric's source is "
    "for a person.",
    66,
)
ALERTS = ("KubeHpaMaxedOut", "KubeHpaReplicasMismatch")
STEP = 0.5
"""By what part of the maximum it is raised, at least by one."""


def find(case: Case) -> Finding | None:
    """The autoscaler that is at its maximum, or blind."""
    alert = case.alert(*ALERTS)
    label = alert.labels.get("horizontalpodautoscaler", "") if alert is not None else ""
    rows = [one for one in case.autoscalers or () if not label or one.name == label]
    for one in rows:
        if _blind(one) and (alert is not None or case.service_alert is not None):
            return _blind_finding(case, one)
    bound = next((one for one in rows if at_bound(one)), None)
    if bound is None:
        return _by_alert(case, alert) if alert is not None and not rows and alert.name == ALERTS[0] else None
    return _at_bound(case, bound, alerted=alert is not None)


def _by_alert(case: Case, alert: AlertSeen) -> Finding:
    against = ("pods are ill" if case.sick else "",)
    confidence, doubt = case.sure(Confidence.MEDIUM, "pods", "autoscalers", against=against)
    name = alert.labels.get("horizontalpodautoscaler", "")
    return Finding(
        Cause.AUTOSCALER_BOUND,
        f"Autoscaler {cut(name, 80) or 'of this workload'} has been at its maximum for a while.",
        confidence,
        (Cite("alerts", alert.name),),
        "the alert alone",
        doubt,
        "maximum",
        (),
        "What it scales by couldn't be read: look at it before raising the maximum.",
        ABOUT.weight,
    )


def at_bound(one: AutoscalerSeen) -> bool:
    """Whether it has as many as it may and would take more."""
    if one.most <= 0 or one.current < one.most or one.desired < one.most:
        return False
    limited = [each for each in one.conditions if each.type == "ScalingLimited"]
    return (
        any(each.status == "True" and each.reason in {"TooManyReplicas", ""} for each in limited) or one.above is True
    )


def _at_bound(case: Case, one: AutoscalerSeen, *, alerted: bool) -> Finding:
    hurts = alerted or case.service_alert is not None
    high = one.above
    ill = case.sick_with(How.CRASH, How.OOM, How.UNREADY, How.IMAGE, How.CONFIG)
    rollout, others = case.rollout, suspect(case)
    against = (
        "" if high else "its metric isn't told" if high is None else "its metric is at the target",
        f"{number_of(len(ill), 'pod')} {'is' if len(ill) == 1 else 'are'} ill" if ill else "",
        f"the logs name {others.who}" if others is not None else "",
        "" if hurts else "nothing says that this hurts",
        "" if hurts else "no alert is about it",
        "the template was changed shortly before" if rollout is not None and rollout.follows and not alerted else "",
    )
    confidence, doubt = case.sure(Confidence.HIGH, "pods", "autoscalers", against=against)
    more = one.most + max(1, math.ceil(one.most * STEP))
    waiting = case.sick_with(How.PENDING)
    text = f"Autoscaler {one.name} is at its maximum of {number_of(one.most, 'replica')} and would take more"
    text += f": {listed([cut(line, 60) for line in one.metrics])}" if one.metrics else ""
    suggestions: tuple[Suggestion, ...] = ()
    no_help = ""
    if waiting:
        no_help = "More replicas would find no node: some wait for one already."
    elif confidence is Confidence.LOW or (one.least == one.most and not alerted):
        no_help = "Being at the maximum alone is no reason to raise it."
    elif not alerted and (not high or case.unread("logs", "changes")):
        no_help = (
            "It isn't sure that the service suffers from its bound: its metric, its logs or its changes don't tell."
        )
    else:
        patch = f'{{"spec":{{"maxReplicas":{more}}}}}'
        line = cures.kubectl(case.target, "patch", "hpa", one.name, "-p", patch)
        suggestions = (
            Suggestion(
                "raise_autoscaler",
                {"autoscaler": one.name, "most": more},
                f"it may then have {more}; put it back afterwards",
                line,
            ),
        )
    cites = (
        Cite(
            "autoscalers", f"{one.name}: {one.current} of at most {one.most}, {listed(one.metrics) or 'no metric told'}"
        ),
    )
    return Finding(
        Cause.AUTOSCALER_BOUND,
        stop(text),
        confidence,
        cites,
        "the autoscaler's own status",
        doubt,
        "maximum",
        suggestions,
        no_help,
        ABOUT.weight,
    )


def _blind(one: AutoscalerSeen) -> str:
    return next(
        (
            each.message or each.reason
            for each in one.conditions
            if each.type == "ScalingActive" and each.status == "False" and each.reason != "ScalingDisabled"
        ),
        "",
    )


def _blind_finding(case: Case, one: AutoscalerSeen) -> Finding:
    why = _blind(one)
    confidence, doubt = case.sure(Confidence.HIGH if case.alert(*ALERTS) else Confidence.MEDIUM, "autoscalers")
    return Finding(
        Cause.AUTOSCALER_BOUND,
        stop(f"Autoscaler {one.name} can't read what it scales by: {cut(why, 140)}"),
        confidence,
        (Cite("autoscalers", cut(why, 200)),),
        "the autoscaler's own condition",
        doubt,
        "blind",
        (),
        "The source of the metric has to be looked at; until then it doesn't scale.",
        ABOUT.weight,
    )
