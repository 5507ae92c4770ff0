"""One snapshot a seed: a shape, a cause, noise, and what couldn't be read, with the truth beside it.

What the truth is:

- The cause is what a person with every source in view would name first. What the kubelet, the scheduler or the API
  server names as missing (image, Secret or ConfigMap, room, quota) is the cause, also when a new revision brought it;
  then a rollback is among its cures. Everything else that only pods of a new revision show is ``bad_rollout``: also one
  that crashes for a setting it lacks, for memory or for a wrong address.
- A dependency that is down is the cause whatever the template's age, if more than the new revision's pods show it.
- A node that is silent or under pressure is the cause of what its pods show.
- Cures are the mutating mitigations that end the trouble or relieve it while it lasts. A restart cures what lives in
  the pod: a stuck process, a stale lock, a back-off. It relieves a leak. A rollback cures what a template brought. A
  higher limit relieves any kill for memory. Nothing cures a dependency, a registry, a quota's lack or a program that
  every start sends the same way.
- A truth is visible in the sources that the scene has before some of them fail: without Prometheus nothing is
  saturated.

Each snapshot may lack sources, events or clocks that agree; truth is decided before that. Messages are those of the
captures and of the kubelet, scheduler and API server themselves.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.evidence import EvidenceStatus
from bot.domain.snapshot import Snapshot
from tests.findings_judge import by_kubelet, by_pods, by_service, by_surroundings, noise
from tests.findings_judge.confusing import CONFUSING
from tests.findings_judge.making import Breakage, Truth
from tests.findings_judge.scene import Scene
from tests.findings_judge.wellness import well

BREAKAGES: tuple[Breakage, ...] = (
    by_pods.bad_rollout, by_pods.bad_rollout, by_service.bad_service, by_pods.crash_loop, by_pods.crash_loop,
    by_pods.oom_killed,
    by_kubelet.image_pull, by_kubelet.config_missing, by_kubelet.unschedulable, by_pods.probe_failure,
    by_pods.probe_failure, by_kubelet.quota,
    by_surroundings.node_trouble, by_surroundings.lone_node, by_surroundings.disk, by_kubelet.volume_mount,
    by_service.dependency_down, by_service.dependency_down, by_service.config_change, by_service.autoscaler_bound,
    by_service.throttling, by_service.saturation, by_service.service_degraded, by_service.scrape_problem,
    by_surroundings.job_failed, by_surroundings.budget, by_surroundings.stalled_controller, by_service.nothing_wrong,
)  # fmt: skip
"""Each as often as it stands here; what is more common or more easily confused stands twice."""

KINDS = {
    "autoscaler_bound": ("Deployment",), "saturation": ("Deployment", "StatefulSet"), "job_failed": ("Job", "CronJob"),
    "expensive_start": ("Deployment",), "busy_and_slow": ("Deployment", "StatefulSet"),
    "room_for_surge": ("Deployment",),
    "mended_in_vain": ("Deployment",), "one_bad_claim": ("StatefulSet",), "init_fails": ("Deployment", "StatefulSet"),
    "volume_mount": ("StatefulSet", "Deployment"), "quota": ("Deployment", "StatefulSet"), "disk": ("StatefulSet",
    "Deployment"),
}  # fmt: skip
MAY_FAIL = {
    "pods": 0.02, "events": 0.05, "workload": 0.04, "changes": 0.05, "logs": 0.08, "metrics": 0.08, "nodes": 0.1,
    "endpoints": 0.08,
    "quotas": 0.05, "autoscalers": 0.05, "volumes": 0.05, "budgets": 0.05, "config": 0.1, "jobs": 0.04,
    "log_errors": 0.1,
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """One generated incident."""

    seed: str
    snapshot: Snapshot
    truth: Truth
    noise: tuple[str, ...]
    missing: tuple[str, ...]
    shape: str


def make(seed: str) -> Made:
    """The incident of a seed; the same seed, the same incident."""
    rng = random.Random(seed)  # noqa: S311 - the same seed, the same incident
    breakage = rng.choice(CONFUSING if rng.random() < 0.3 else BREAKAGES)
    scene = well(rng, KINDS.get(breakage.__name__, ("Deployment", "StatefulSet", "DaemonSet")))
    told = breakage(scene)
    added = noise.add(scene, told.cause)
    snapshot, missing = _without(rng, scene, scene.snapshot())
    shape = f"{scene.kind} of {scene.replicas}, {len(scene.main.probes)} probes"
    return Made(seed, snapshot, told, tuple(added), missing, shape)


def _without(rng: random.Random, scene: Scene, snapshot: Snapshot) -> tuple[Snapshot, tuple[str, ...]]:
    """The snapshot with what couldn't be read as failed, events cut, and alerts by another clock."""
    evidence = dict(snapshot.evidence)
    missing = []
    if rng.random() < 0.5:
        for name, share in MAY_FAIL.items():
            if name in evidence and rng.random() < share * 2:
                evidence[name] = replace(
                    evidence[name], status=EvidenceStatus.FAILED, data={}, problem="No answer within 5 s."
                )
                missing.append(name)
    if "events" in evidence and rng.random() < 0.1 and "events" not in missing:
        rows = evidence["events"].data.get("events", [])
        evidence["events"] = replace(evidence["events"], data={"events": rows[: rng.randint(0, 4)], "total": len(rows)})
        missing.append("most events")
    skew = timedelta(seconds=rng.uniform(-90, 90) if rng.random() < 0.8 else rng.uniform(-200, 200))
    alerts = tuple(replace(one, starts_at=one.starts_at + skew) if one.starts_at else one for one in snapshot.alerts)
    if not scene.targeted:
        for name in (
            "pods",
            "events",
            "workload",
            "changes",
            "logs",
            "budgets",
            "autoscalers",
            "endpoints",
            "jobs",
            "volumes",
            "config",
        ):
            evidence.pop(name, None)
    return replace(snapshot, evidence=evidence, alerts=alerts), tuple(missing)
