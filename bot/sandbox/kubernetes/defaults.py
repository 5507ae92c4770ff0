"""What admission fills in: defaults of workloads, pods and services, in the real server's order.

It refuses to invent what the real server would not write.
"""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from bot.sandbox.kubernetes.wire import Json

_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def suffix(length: int = 5) -> str:
    """A random name ending of the letters that the real server uses."""
    return "".join(secrets.choice(_SAFE) for _ in range(length))


def _container(container: Json) -> Json:
    image = container.get("image", "")
    latest = "@" not in image and (":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest"))
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe])
    filled = {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always" if latest else "IfNotPresent",
    }
    return {**container, **{key: container.get(key, value) for key, value in filled.items()}}


def _probe(probe: Json) -> None:
    for key, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe.setdefault(key, value)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("scheme", "HTTP")


def pod_spec(spec: Json, restart: str = "Always") -> None:
    """Defaults of a pod's spec, in place."""
    for key in ("containers", "initContainers"):
        if isinstance(spec.get(key), list):
            spec[key] = [_container(one) if isinstance(one, dict) else one for one in spec[key]]
    spec.setdefault("restartPolicy", restart)
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    if spec.get("serviceAccountName"):
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")


def _template(spec: Json, restart: str = "Always") -> None:
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.setdefault("spec", {}), dict):
        template.setdefault("metadata", {})
        pod_spec(template["spec"], restart)


def _ordered(spec: Json, first: tuple[str, ...]) -> Json:
    head = {key: spec[key] for key in first if key in spec}
    return {**head, **{key: value for key, value in spec.items() if key not in head}}


def _deployment(obj: Json) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    _template(spec)
    strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    if not spec.get("paused"):
        spec.pop("paused", None)
    spec.setdefault("progressDeadlineSeconds", 600)
    order = ("replicas", "selector", "template", "strategy", "minReadySeconds")
    tail = ("revisionHistoryLimit", "paused", "progressDeadlineSeconds")
    obj["spec"] = _ordered(spec, (*order, *tail))


def _statefulset(obj: Json) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    _template(spec)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    update = spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
    if update.setdefault("type", "RollingUpdate") == "RollingUpdate":
        update.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})


def _daemonset(obj: Json) -> None:
    spec = obj["spec"]
    _template(spec)
    update = spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
    if update.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = update.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)


def _replicaset(obj: Json) -> None:
    obj["spec"].setdefault("replicas", 1)
    _template(obj["spec"])


def _job(obj: Json) -> None:
    spec = obj["spec"]
    _job_spec(spec)
    uid, name = obj["metadata"].get("uid", ""), obj["metadata"].get("name", "")
    if spec.get("manualSelector") or not uid:
        return
    own = {"batch.kubernetes.io/controller-uid": uid}
    spec.setdefault("selector", {"matchLabels": own})
    labels = spec["template"]["metadata"].setdefault("labels", {})
    labels |= {**own, "batch.kubernetes.io/job-name": name, "controller-uid": uid, "job-name": name}


def _job_spec(spec: Json) -> None:
    usual = (
        ("parallelism", 1), ("completions", 1), ("backoffLimit", 6), ("completionMode", "NonIndexed"),
        ("suspend", False), ("podReplacementPolicy", "TerminatingOrFailed"),
    )  # fmt: skip
    for key, value in usual:
        spec.setdefault(key, value)
    _template(spec, "Never")


def _cronjob(obj: Json) -> None:
    """A template of a Job gets the defaults of a pod's template and none of a Job's own."""
    spec = obj["spec"]
    for key, value in (
        ("concurrencyPolicy", "Allow"),
        ("suspend", False),
        ("successfulJobsHistoryLimit", 3),
        ("failedJobsHistoryLimit", 1),
    ):
        spec.setdefault(key, value)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    _template(template.setdefault("spec", {}), "Never")


def _node(obj: Json) -> None:
    if not obj["spec"].get("unschedulable"):
        obj["spec"].pop("unschedulable", None)


def _pod(obj: Json) -> None:
    spec = obj["spec"]
    pod_spec(spec)
    token = f"kube-api-access-{suffix()}"
    volumes = spec.setdefault("volumes", [])
    if not any(volume["name"].startswith("kube-api-access-") for volume in volumes):
        volumes.append(_access_volume(token))
        mount = {
            "name": token,
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
        for container in spec["containers"]:
            container.setdefault("volumeMounts", []).append(mount)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    tolerations = spec.setdefault("tolerations", [])
    for problem in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{problem}"
        if not any(one.get("key") in (key, None) for one in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    spec.setdefault("priority", 0)
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    obj.setdefault("status", {"phase": "Pending", "qosClass": quality(spec)})


def _access_volume(name: str) -> Json:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    root = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources: list[Json] = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": root},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def quality(spec: Json) -> str:
    """The pod's quality of service class."""
    resources = [one.get("resources") or {} for one in spec.get("containers", ())]
    if not any(one.get("requests") or one.get("limits") for one in resources):
        return "BestEffort"
    both = ("cpu", "memory")
    guaranteed = all(
        set(both) <= set(one.get("limits") or {}) and (one.get("requests") or one["limits"]) == one["limits"]
        for one in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _service(obj: Json) -> None:
    spec = obj["spec"]
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    spec.setdefault("clusterIP", f"10.96.{secrets.randbelow(250)}.{secrets.randbelow(250) + 2}")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] != "ExternalName":
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        spec.setdefault("internalTrafficPolicy", "Cluster")
    obj.setdefault("status", {"loadBalancer": {}})


def _namespace(obj: Json) -> None:
    meta = obj["metadata"]
    meta.setdefault("labels", {}).setdefault("kubernetes.io/metadata.name", meta["name"])
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _autoscaler(obj: Json) -> None:
    obj["spec"].setdefault("minReplicas", 1)


def _claim(obj: Json) -> None:
    obj["spec"].setdefault("volumeMode", "Filesystem")


def _volume(obj: Json) -> None:
    obj["spec"].setdefault("persistentVolumeReclaimPolicy", "Retain")
    obj["spec"].setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {"phase": "Pending"})


def _class_of_storage(obj: Json) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _ingress(obj: Json) -> None:
    obj.setdefault("status", {"loadBalancer": {}})


def _network_policy(obj: Json) -> None:
    spec = obj["spec"]
    spec.setdefault("podSelector", {})
    spec.setdefault("policyTypes", ["Ingress", *(["Egress"] if spec.get("egress") else [])])
    for port in (
        one for way in ("ingress", "egress") for rule in spec.get(way) or () for one in rule.get("ports") or ()
    ):
        port.setdefault("protocol", "TCP")


def _secret(obj: Json) -> None:
    """What is written as text is kept as bytes, and never shown as text again."""
    for key, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(str(text).encode()).decode()
    obj.setdefault("type", "Opaque")


_BY_KIND: dict[str, Callable[[Json], None]] = {
    "Deployment": _deployment,
    "StatefulSet": _statefulset,
    "DaemonSet": _daemonset,
    "ReplicaSet": _replicaset,
    "Job": _job,
    "CronJob": _cronjob,
    "Node": _node,
    "Pod": _pod,
    "Service": _service,
    "Namespace": _namespace,
    "HorizontalPodAutoscaler": _autoscaler,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "StorageClass": _class_of_storage,
    "Ingress": _ingress,
    "NetworkPolicy": _network_policy,
    "Secret": _secret,
}
_WITHOUT_SPEC = {"Namespace", "Secret", "StorageClass"}
_STATUS_ALWAYS = {"Deployment", "DaemonSet", "Job", "PodDisruptionBudget", "CronJob"}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(below) for key, below in value.items() if below is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def fill(obj: Json) -> None:
    """Defaults of an object of any kind, in place; a null is as good as nothing, as in Go."""
    if "spec" in obj:
        obj["spec"] = _without_nulls(obj["spec"])
    step = _BY_KIND.get(obj["kind"])
    if step and (isinstance(obj.get("spec"), dict) or obj["kind"] in _WITHOUT_SPEC):
        step(obj)
    if obj["kind"] in _STATUS_ALWAYS:
        obj.setdefault("status", {})
