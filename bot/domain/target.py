"""A target is what a mitigation acts on: (kind, namespace, name, uid). It holds no status and no guess."""

from __future__ import annotations

from dataclasses import dataclass, replace

RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose pod template Fettle may restart."""

CLUSTER_WIDE = frozenset({"Node"})
"""Kinds of targets that lie in no namespace."""

KIND_ALIASES = {
    "deployment": "Deployment",
    "deployments": "Deployment",
    "deploy": "Deployment",
    "statefulset": "StatefulSet",
    "statefulsets": "StatefulSet",
    "sts": "StatefulSet",
    "daemonset": "DaemonSet",
    "daemonsets": "DaemonSet",
    "ds": "DaemonSet",
    "job": "Job",
    "jobs": "Job",
    "cronjob": "CronJob",
    "cronjobs": "CronJob",
    "cj": "CronJob",
    "node": "Node",
    "nodes": "Node",
    "no": "Node",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "pvc": "PersistentVolumeClaim",
}
"""What people type for a kind, after kubectl's short names."""


@dataclass(frozen=True, order=True)
class Target:
    """One object; ``namespace`` is empty for cluster-wide kinds, ``uid`` empty until the cluster was asked."""

    kind: str
    namespace: str
    name: str
    uid: str = ""

    @property
    def ref(self) -> str:
        """``shop/api``: how people and cards name it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def label(self) -> str:
        """``Deployment shop/api``."""
        return f"{self.kind} {self.ref}"

    @property
    def key(self) -> str:
        """The identity without uid, for "one action in flight per target"."""
        return f"{self.kind}/{self.namespace}/{self.name}"

    def with_uid(self, uid: str) -> Target:
        """The same target, pinned to one object."""
        return replace(self, uid=uid)


def parse_key(key: str) -> Target:
    """The reverse of ``Target.key``."""
    kind, namespace, name = key.split("/", 2)
    return Target(kind, namespace, name)
