"""Which pods belong to a target of any kind: a workload's, a Job's, a CronJob's newest, a node's, a claim's.

By owner references and selectors, never by a pod's name. What can't be read raises. It refuses to rank them.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.errors import RequestError
from bot.domain.target import CLUSTER_WIDE, RESTARTABLE, Target
from bot.kube import lists, reads
from bot.kube.client import Cluster
from bot.kube.objects import Json, controller, dig, path, text
from bot.kube.pods import Pod, read_pod

INVESTIGATED = (*RESTARTABLE, "Job", "CronJob", "Node", "PersistentVolumeClaim", "HorizontalPodAutoscaler")
"""Kinds that may be looked into; which of them may be acted on is each action's to say."""

NEWEST_JOBS = 3
"""Of a CronJob: how many runs back its pods are looked at."""
JOB_NAME = "batch.kubernetes.io/job-name"


async def target_object(cluster: Cluster, target: Target) -> Json:
    """The target itself; an empty name or namespace is refused, never widened."""
    if target.kind not in INVESTIGATED:
        raise RequestError(f"{target.label}: that kind isn't looked into.")
    if not target.name or bool(target.namespace) is (target.kind in CLUSTER_WIDE):
        raise RequestError(f"A {target.kind} needs {'a name alone' if target.namespace else 'a namespace and a name'}.")
    return await lists.one(cluster, target.kind, target.namespace, target.name)


async def target_pods(cluster: Cluster, target: Target) -> tuple[Pod, ...]:
    """The target's pods, sorted by name; of an autoscaler none, those are its workload's."""
    if target.kind in RESTARTABLE:
        return await reads.workload_pods(cluster, target)
    obj = await target_object(cluster, target)
    if target.kind == "Node":
        found = await cluster.items(path("Pod", ""), {"fieldSelector": f"spec.nodeName={target.name}"})
        return _sorted([read_pod(item) for item in found])
    if target.kind == "PersistentVolumeClaim":
        pods = [read_pod(item) for item in await cluster.items(path("Pod", target.namespace))]
        return _sorted([pod for pod in pods if target.name in pod.claims])
    if target.kind == "Job":
        return await _job_pods(cluster, target.namespace, [obj])
    if target.kind == "CronJob":
        return await _job_pods(cluster, target.namespace, (await cron_jobs(cluster, obj))[:NEWEST_JOBS])
    return ()


async def cron_jobs(cluster: Cluster, cronjob: Json) -> list[Json]:
    """The Jobs that a CronJob made and that are still there, newest first."""
    uid = text(cronjob, "metadata", "uid")
    listed = await cluster.items(path("Job", text(cronjob, "metadata", "namespace")))
    made = [job for job in listed if (controller(job) or ("", "", ""))[2] == uid]
    return sorted(made, key=lambda job: text(job, "metadata", "creationTimestamp"), reverse=True)


async def _job_pods(cluster: Cluster, namespace: str, jobs: Sequence[Json]) -> tuple[Pod, ...]:
    owners = {text(job, "metadata", "uid") for job in jobs}
    names = [text(job, "metadata", "name") for job in jobs]
    if not names:
        return ()
    rule = {"key": JOB_NAME, "operator": "In", "values": names}
    selector = dig(jobs[0], "spec", "selector") if len(jobs) == 1 else None
    found = await lists.selected(cluster, "Pod", namespace, selector or {"matchExpressions": [rule]})
    pods = (read_pod(item) for item in found)
    return _sorted([pod for pod in pods if pod.owner is not None and pod.owner[2] in owners])


def _sorted(pods: list[Pod]) -> tuple[Pod, ...]:
    return tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.row.name)))
