"""Manifests of usual things, for whoever fills a sandbox. It refuses to store them."""

from bot.sandbox.kubernetes.claim_rules import DEFAULT_CLASS
from bot.sandbox.kubernetes.ingresses import CONTROLLER
from bot.sandbox.kubernetes.wire import Json

INGRESS_CLASS = "nginx"
LEASES = "kube-node-lease"
WORKLOADS = {"shop/api": 3, "pay/ledger": 2, "shop/web": 2}
"""What runs in every sandbox at the start, with its number of pods."""


def _workload(kind: str, namespace: str, name: str, image: str, labels: Json | None, behaviour: str | None) -> Json:
    labels = {"app": name, **(labels or {})}
    template_meta: Json = {"labels": labels}
    if behaviour:
        template_meta["annotations"] = {"sandbox.fettle/behaviour": behaviour}
    container = {"name": name, "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": template_meta, "spec": {"containers": [container]}},
        },
    }


def deployment(
    namespace: str, name: str, *, replicas: int, image: str, labels: Json | None, behaviour: str | None
) -> Json:
    """A Deployment with one container of the same name."""
    manifest = _workload("Deployment", namespace, name, image, labels, behaviour)
    manifest["spec"]["replicas"] = replicas
    return manifest


def statefulset(
    namespace: str, name: str, *, replicas: int, image: str, labels: Json | None, behaviour: str | None
) -> Json:
    """A StatefulSet with one container of the same name."""
    manifest = _workload("StatefulSet", namespace, name, image, labels, behaviour)
    manifest["spec"] |= {"replicas": replicas, "serviceName": name}
    return manifest


def daemonset(namespace: str, name: str, *, image: str, labels: Json | None, behaviour: str | None) -> Json:
    """A DaemonSet with one container of the same name."""
    return _workload("DaemonSet", namespace, name, image, labels, behaviour)


def service(namespace: str, name: str, *, selector: Json, port: int, labels: Json | None) -> Json:
    """A ClusterIP service with one port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {"app": name}},
        "spec": {"selector": selector, "ports": [{"name": "http", "port": port, "targetPort": 8080}]},
    }


def ingress(namespace: str, name: str, *, host: str, paths: dict[str, str]) -> Json:
    """An Ingress of the class of the sandbox: a path of the host -> a Service with a port called http."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "ingressClassName": INGRESS_CLASS,
            "rules": [{"host": host, "http": {"paths": [_path(path, service) for path, service in paths.items()]}}],
        },
    }


def _path(path: str, service: str) -> Json:
    return {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"name": "http"}}}}


def policy(namespace: str, name: str, *, callers: str) -> Json:
    """A NetworkPolicy: the pods of an app take connections of one namespace alone."""
    spaces = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": callers}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"app": name}},
            "ingress": [{"from": [spaces], "ports": [{"port": 8080}]}],
        },
    }


def classes() -> tuple[Json, Json]:
    """The classes of Ingresses and of storage that a cluster usually has, the latter the default one."""
    usual = {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}}
    return (
        {"kind": "IngressClass", "metadata": {"name": INGRESS_CLASS}, "spec": {"controller": CONTROLLER}},
        {
            "kind": "StorageClass", "metadata": usual, "provisioner": "disk.sandbox.fettle",
            "allowVolumeExpansion": True,
        },
    )  # fmt: skip


def namespace(name: str) -> Json:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def node(name: str, number: int, now: str) -> Json:
    """A ready node with 16 cores and 64 GiB."""
    resources = {"cpu": "16", "ephemeral-storage": "100Gi", "memory": "64Gi", "pods": "250"}
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    status: Json = {
        "capacity": resources,
        "allocatable": resources,
        "conditions": node_conditions(now),
        "addresses": [{"type": "InternalIP", "address": f"10.0.0.{number}"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": "sandbox",
            "systemUUID": "sandbox",
            "bootID": "sandbox",
            "kernelVersion": "6.12.0",
            "osImage": "sandbox",
            "containerRuntimeVersion": "containerd://2.1.0",
            "kubeletVersion": "v1.36.2",
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {}, "status": status}


def lease(node: str, renewed: str) -> Json:
    """The kubelet's lease: when it last gave a sign of life."""
    spec = {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": renewed}
    meta = {"name": node, "namespace": LEASES}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}


_HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def node_conditions(now: str, *, lost: bool = False) -> list[Json]:
    """The four conditions of a node; `lost` is a node whose kubelet stopped reporting."""
    told = "Kubelet stopped posting node status."
    return [
        {
            "type": kind,
            "status": "Unknown" if lost else value,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": "NodeStatusUnknown" if lost else reason,
            "message": told if lost else message,
        }
        for kind, value, reason, message in _HEALTHY
    ]
