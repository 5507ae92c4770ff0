"""Workloads whose controllers, bounds or Jobs are in trouble: rollouts, budgets, autoscalers, quotas, runs."""

from __future__ import annotations

from typing import Any

from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.site import Site, container
from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.manners import Manner

HOUR = 3600.0


def _asking(cpu: str, **limits: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": "128Mi"}, "limits": {"memory": "256Mi", **limits}}


def _usual(site: Site) -> None:
    site.served()


def _large(site: Site) -> None:
    site.node(cpu="16")
    site.served(replicas=2, containers=[container(site.image(), resources=_asking("5"))], **site.pool())


def _scaled(site: Site) -> None:
    site.change(lambda obj: obj["spec"].update(replicas=6), by="kubectl-scale")


def _impatient(site: Site) -> None:
    site.served()
    site.change(lambda obj: obj["spec"].update(progressDeadlineSeconds=300))


def _never_ready(site: Site) -> None:
    said = "Readiness probe failed: HTTP probe failed with statuscode: 500"
    site.next_pods("not-ready", Manner(said, every=10.0))
    site.roll(by="argocd-controller")


def _unheeded(site: Site) -> None:
    obj = site.cluster.get(site.kind, site.namespace, site.name)
    if obj is not None:
        site.cluster.world.unheeded.add(obj["metadata"]["uid"])
    site.roll()


def _set(site: Site) -> None:
    site.served("StatefulSet")


def _budget(site: Site, least: int) -> None:
    selector = {"matchLabels": {"app": site.name}}
    site.apply("PodDisruptionBudget", "policy/v1", "api-pdb", spec={"minAvailable": least, "selector": selector})


def _pair(site: Site) -> None:
    site.served(replicas=2)


def _wants_three(site: Site) -> None:
    _budget(site, 3)


def _trio(site: Site) -> None:
    site.served()
    _budget(site, 2)


def _crash_all(site: Site) -> None:
    site.said(last=['level=fatal msg="assertion failed" error="unexpected state 7 of session table"'])
    site.strike("crash", Manner(exit_code=2))


def _autoscaler(site: Site, least: int, most: int) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": site.name}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most, "metrics": [metric]}
    site.apply("HorizontalPodAutoscaler", "autoscaling/v2", site.name, spec=spec)


def _condition(site: Site, kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    at = stamp(site.now)
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def _autoscaled(site: Site) -> None:
    site.served(replicas=2)
    _autoscaler(site, 2, 4)


def _busy(site: Site) -> None:
    site.change(lambda obj: obj["spec"].update(replicas=4), by="kube-controller-manager")
    value = {"averageUtilization": 96, "averageValue": "48m"}
    told = [
        _condition(site, "AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"),
        _condition(site, "ScalingActive", "True", "ValidMetricFound", "the HPA was able to calculate a replica count"),
        _condition(
            site, "ScalingLimited", "True", "TooManyReplicas",
            "the desired replica count is more than the maximum replica count",
        ),
    ]  # fmt: skip
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "current": value}}]
    site.status("HorizontalPodAutoscaler", site.name, {"conditions": told, "currentMetrics": metrics})


def _blind(site: Site) -> None:
    said = (
        "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for "
        "resource cpu: no metrics returned from resource metrics API"
    )
    told = [
        _condition(site, "AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the scale"),
        _condition(site, "ScalingActive", "False", "FailedGetResourceMetric", said),
    ]
    site.status("HorizontalPodAutoscaler", site.name, {"conditions": told})
    by = "horizontal-pod-autoscaler"
    site.event("HorizontalPodAutoscaler", site.name, "FailedGetResourceMetric", said, by)


def _within_quota(site: Site) -> None:
    site.served(containers=[container(site.image(), resources=_asking("250m"))])
    _autoscaler(site, 2, 10)
    site.apply("ResourceQuota", "v1", "team", spec={"hard": {"requests.cpu": "1"}})


def _wants_more(site: Site) -> None:
    site.change(lambda obj: obj["spec"].update(replicas=8), by="kube-controller-manager")


def _nearly_all(site: Site) -> None:
    site.served(containers=[container(site.image(), resources=_asking("310m"))])
    site.apply("ResourceQuota", "v1", "team", spec={"hard": {"requests.cpu": "1", "pods": "20"}})


def _agents(site: Site, **parts: Any) -> None:
    for number in (1, 2):
        site.node(number)
    site.workload("DaemonSet", **site.pool(), **parts)


def _agent(site: Site) -> None:
    _agents(site)


def _agent_crashes(site: Site) -> None:
    site.next_pods("crash", Manner(exit_code=1))
    site.said(last=['level=fatal msg="unknown option" error="unknown flag: --collect-all"'])
    site.roll()


def _agent_refused(site: Site) -> None:
    site.apply("ResourceQuota", "v1", "agents", spec={"hard": {"pods": "3"}})
    site.node(3)


def _agent_strays(site: Site) -> None:
    taint = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}
    site.change(
        lambda obj: obj["spec"].update(taints=[*obj["spec"]["taints"], taint]),
        kind="Node", name=site.nodes[1], by="kubectl-taint",
    )  # fmt: skip


def _cron(site: Site) -> None:
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": _run_template(site)}}}
    site.apply("CronJob", "batch/v1", site.name, spec=spec)
    _run(site, f"{site.name}-29370")


def _run_template(site: Site) -> dict[str, Any]:
    return {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": site.image()}]}}


def _run(site: Site, name: str) -> None:
    owner = site.cluster.get("CronJob", site.namespace, site.name)
    meta: dict[str, Any] = {}
    if owner is not None:
        reference = {"apiVersion": "batch/v1", "kind": "CronJob", "name": site.name, "uid": owner["metadata"]["uid"]}
        meta = {"ownerReferences": [{**reference, "controller": True}]}
    spec = {"backoffLimit": 2, "template": _run_template(site)}
    site.apply("Job", "batch/v1", name, spec=spec, metadata=meta)
    site.about = name


def _run_fails(site: Site) -> None:
    name = f"{site.name}-29371"
    refused = 'level=fatal msg="cannot read the ledger" error="dial tcp ledger-db:5432: connect: connection refused"'
    site.said('level=info msg="nightly report starts"', last=[refused], name=name)
    site.cluster.break_next(site.namespace, name, "crash", Manner(exit_code=1))
    _run(site, name)


def _run_hangs(site: Site) -> None:
    site.cluster.break_next(site.namespace, site.name, "hang")
    site.said('level=info msg="import starts"', 'level=info msg="waiting for the lock of table orders"')
    _run(site, site.name)


BREAKAGES = (
    Breakage(
        "scaled-too-far", "deployment-replicas-mismatch", "Somebody scaled up beyond what the nodes hold",
        ("KubeDeploymentReplicasMismatch",), "unschedulable", _scaled, "encode",
        ("too little free CPU",), by_hand="scale deployment/encode --replicas=3", furnish=_large,
    ),
    Breakage(
        "never-ready", "deployment-rollout-stuck", "A new version never gets ready",
        ("KubeDeploymentRolloutStuck",), "bad_rollout", _never_ready, "profile",
        ("doesn't become ready", "statuscode: 500"), refuses="Argo CD keeps", furnish=_impatient,
    ),
    Breakage(
        "deployment-unheeded", "generation-mismatch", "The controller doesn't see a new template",
        ("KubeDeploymentGenerationMismatch",), "stalled_controller", _unheeded, "ledger",
        ("No controller has taken up generation",), furnish=_usual,
    ),
    Breakage(
        "statefulset-unheeded", "generation-mismatch", "The controller doesn't see a StatefulSet's new template",
        ("KubeStatefulSetGenerationMismatch",), "stalled_controller", _unheeded, "store",
        ("No controller has taken up generation", "StatefulSet store"), furnish=_set,
    ),
    Breakage(
        "budget-too-tight", "disruption-budget", "A budget wants more pods than there are",
        ("KubePdbNotEnoughHealthyPods",), "budget", _wants_three, "gateway",
        ("wants 3 healthy pods and has 2",), furnish=_pair, about="api-pdb",
    ),
    Breakage(
        "budget-unmet", "disruption-budget", "A budget isn't met because its pods crash",
        ("KubePdbNotEnoughHealthyPods",), "crash_loop", _crash_all, "session",
        ("unexpected state 7",), furnish=_trio, about="api-pdb",
    ),
    Breakage(
        "autoscaler-full", "autoscaler-maxed-out", "An autoscaler would take more than it may",
        ("KubeHpaMaxedOut",), "autoscaler_bound", _busy, "feed",
        ("at its maximum of 4 replicas", "cpu 96 % of 80 %"), by_hand="patch hpa feed", furnish=_autoscaled,
    ),
    Breakage(
        "autoscaler-blind", "autoscaler-mismatch", "An autoscaler can't read its metric",
        ("KubeHpaReplicasMismatch",), "autoscaler_bound", _blind, "thumbs",
        ("can't read what it scales by",), furnish=_autoscaled,
    ),
    Breakage(
        "autoscaler-refused", "autoscaler-mismatch", "A quota refuses the pods that an autoscaler wants",
        ("KubeHpaReplicasMismatch",), "quota", _wants_more, "matcher",
        ("can't be created", "quota team"), furnish=_within_quota,
    ),
    Breakage(
        "quota-full", "quota", "A namespace has nearly used up its quota",
        ("KubeQuotaAlmostFull", "KubeQuotaFullyUsed", "KubeQuotaExceeded"), "quota", _usual, "ranking",
        ("Quota team is used to 98 %",), furnish=_nearly_all, about="team", labels={"resource": "requests.cpu"},
    ),
    Breakage(
        "agent-crashes", "daemonset-rollout", "A DaemonSet's new version crashes on the first node",
        ("KubeDaemonSetRolloutStuck",), "bad_rollout", _agent_crashes, "agent",
        ("crashes at start", "--collect-all"), offers="Approve rollback", furnish=_agent,
    ),
    Breakage(
        "agent-refused", "daemonset-rollout", "A quota refuses a DaemonSet's pod on a new node",
        ("KubeDaemonSetNotScheduled",), "quota", _agent_refused, "agent",
        ("quota agents",), furnish=_agent,
    ),
    Breakage(
        "agent-strays", "daemonset-rollout", "A DaemonSet's pod runs on a node that was tainted since",
        ("KubeDaemonSetMisScheduled",), "unschedulable", _agent_strays, "agent",
        ("on nodes where no pod of it should be",), furnish=_agent,
    ),
    Breakage(
        "run-fails", "job-failed", "A nightly run can't reach its database",
        ("KubeJobFailed",), "job_failed", _run_fails, "nightly",
        ("Job nightly-29371 failed", "ledger-db:5432"), by_hand="create job nightly-29371-again", furnish=_cron,
    ),
    Breakage(
        "run-hangs", "job-not-completed", "A Job has been running for half a day",
        ("KubeJobNotCompleted", "KubeJobCompletion"), "job_failed", _run_hangs, "import",
        ("has been running for 14 h",), ago=14 * HOUR,
    ),
)  # fmt: skip
