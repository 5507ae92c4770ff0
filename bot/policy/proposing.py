"""When an alert leads to the proposal of a restart, and the sentence that says why or why not.

The rule is the design's first one (definitions, "Issue-1 rule for restarts"); findings replace it later. Pure; it
refuses to weigh whether a restart is allowed, which is ``guardrails``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.alert import from_exporter
from bot.domain.evidence import PodRow
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE

WORKLOAD_ALERTS = frozenset({"KubePodCrashLooping", "KubePodNotReady", "KubeDeploymentReplicasMismatch"})
"""Alerts of the kube-prometheus stack for which a restart is proposed."""

SERVICE_WORDS = re.compile(r"5xx|error|latenc|slow|response[ _-]?time|p9[059](?!\d)|timeout", re.IGNORECASE)
"""A service's error or latency alert is one whose name says so and whose labels name a service or a workload."""

INFRASTRUCTURE = ("Kube", "Node", "Prometheus", "Alertmanager", "etcd", "CoreDNS")
"""Names of the stack's own alerts begin so; of these only WORKLOAD_ALERTS lead to a restart."""

SERVICE_LABELS = ("service", "deployment", "statefulset", "daemonset", "pod", "app")

RECENT = timedelta(minutes=30)
"""A failure that follows a template change younger than this isn't cured by starting the same template again."""


@dataclass(frozen=True)
class Advice:
    """``rationale`` stands on the card either way: why this is proposed, or what follows "No proposal, because"."""

    propose: bool
    rationale: str


def propose_restart(
    labels: Sequence[Mapping[str, str]],
    state: TargetState | None,
    pods: Sequence[PodRow],
    *,
    now: datetime,
    failing_since: datetime | None = None,
) -> Advice:
    """Whether these alerts (their label sets) on this target lead to a restart.

    ``failing_since`` is the earliest ``startsAt`` of the alerts; with the pods' own first failure the earlier counts.
    """
    name = next((found for found in map(_kind_of_alert, labels) if found), "")
    if not name:
        shown = next((one.get("alertname", "") for one in labels), "") or "this alert"
        return _no(f"a restart isn't what {shown} calls for")
    if state is None or state.target.kind not in RESTARTABLE:
        return _no("the alerts lead to no workload that can be restarted")
    running = sum(1 for pod in pods if pod.phase == "Running")
    if not running:
        return _no(f"no pod of {state.target.ref} runs ({_stuck(pods)}); starting them again wouldn't change that")
    changed = state.template_changed_at
    if changed is not None and now - changed < RECENT:
        known = [at for at in (state.first_failure_at, failing_since) if at is not None]
        if not known or min(known) >= changed:
            minutes = max(0, int((now - changed).total_seconds() // 60))
            return _no(
                f"the failure follows a change of the pod template {minutes} min ago "
                f"(revision {state.revision or 'unknown'}); "
                "a restart would start the same template again. Look at that change first"
            )
    return Advice(propose=True, rationale=_why(name, state, running, now))


def _kind_of_alert(labels: Mapping[str, str]) -> str:
    name = labels.get("alertname", "")
    if name in WORKLOAD_ALERTS:
        return name
    if name.startswith(INFRASTRUCTURE):
        return ""
    own = {"service", "pod"} if from_exporter(labels) else set()
    return (
        name if SERVICE_WORDS.search(name) and any(labels.get(key) for key in SERVICE_LABELS if key not in own) else ""
    )


def _why(name: str, state: TargetState, running: int, now: datetime) -> str:
    """What the card's other lines don't say: since when the template stands, and that pods do start."""
    seen = f"{running} pods run" if running != 1 else "1 pod runs"
    changed = state.template_changed_at
    stands = f", its template unchanged for {_age(now - changed)}" if changed is not None else ""
    ready = " All of them are ready at this moment." if state.ready >= state.replicas else ""
    return f"{name}: {seen}{stands}. Starting them again may clear it.{ready}"


def _age(span: timedelta) -> str:
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _stuck(pods: Sequence[PodRow]) -> str:
    reasons = sorted({pod.waiting or pod.phase for pod in pods})
    return ", ".join(reasons) if reasons else "there are none"


def _no(because: str) -> Advice:
    return Advice(propose=False, rationale=f"{because}.")
