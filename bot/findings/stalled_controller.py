"""The cluster's own parts don't do their work: a change that no controller takes up, an alert about the control plane.

No action on a workload helps while its controller sleeps. It refuses to touch the control plane.
"""

from __future__ import annotations

from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.phrases import cut, stop

ABOUT = About(
    Cause.STALLED_CONTROLLER,
    "a part of the cluster itself",
    "The workload's observed generation is behind its generation, and the alert is about that.",
    "An alert about the control plane, or pods are missing and neither events nor ill pods say why.",
    "",
    "Nothing: a person looks at the control plane.",
    44,
)
BEHIND = ("KubeDeploymentGenerationMismatch", "KubeStatefulSetGenerationMismatch", "KubeDaemonSetGenerationMismatch")
PLANE = (
    "KubeAPI*",
    "KubeAggregatedAPI*",
    "KubeControllerManager*",
    "KubeScheduler*",
    "KubeProxy*",
    "KubeVersion*",
    "KubeClient*",
    "etcd*",
    "CoreDNS*",
    "PrometheusOperator*",
)

CONTROL_PLANE = "control plane"
"""The detail where an alert about the cluster itself is all that is known."""


def find(case: Case) -> Finding | None:
    """A generation that isn't observed, the control plane's alert, or pods that nobody makes."""
    row, behind = case.workload, case.alert(*BEHIND)
    if row is not None and row.observed_generation < row.generation and (behind is not None or case.rollout is None):
        confidence, doubt = case.sure(Confidence.HIGH if behind is not None else Confidence.MEDIUM, "workload")
        name = f"{row.kind} {row.name}"
        text = f"No controller has taken up generation {row.generation} of {name}; it is at {row.observed_generation}."
        return _finding(
            text,
            confidence,
            doubt,
            Cite("workload", f"generation {row.generation}, observed {row.observed_generation}"),
            "generation",
        )
    plane = case.alert(*PLANE)
    if plane is not None:
        said = plane.annotations.get("summary", "") or plane.annotations.get("description", "")
        confidence, doubt = case.sure(Confidence.MEDIUM)
        text = stop(f"{plane.name}: {cut(said, 140) or 'the cluster itself is in trouble'}")
        return _finding(text, confidence, doubt, Cite("alerts", plane.name), CONTROL_PLANE)
    missing = row is not None and row.current < row.replicas and case.pods is not None and not case.sick
    told = case.event_rows("FailedCreate")
    if (
        row is not None
        and missing
        and case.events is not None
        and not told
        and not row.paused
        and case.service_alert is None
    ):
        confidence, doubt = case.sure(Confidence.LOW, "events")
        text = f"{row.current} of {row.replicas} pods exist, and nothing says why the others don't."
        return _finding(text, confidence, doubt, Cite("workload", f"{row.current} of {row.replicas} pods"), "missing")
    return None


def _finding(text: str, confidence: Confidence, doubt: str, cite: Cite, detail: str) -> Finding:
    return Finding(
        Cause.STALLED_CONTROLLER,
        text,
        confidence,
        (cite,),
        "the cluster's own status" if detail != CONTROL_PLANE else "the alert",
        doubt,
        detail,
        (),
        "No action on a workload helps while the cluster's own part doesn't work: look at the control plane.",
        ABOUT.weight,
    )
