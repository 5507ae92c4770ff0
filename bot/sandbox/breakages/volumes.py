"""Volumes that fill up, fail or are attached elsewhere, and the StatefulSets that wait for them."""

from __future__ import annotations

from typing import Any

from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.site import Site
from bot.sandbox.kubernetes.manners import Manner
from bot.sandbox.measures import climb

_ELSEWHERE = (
    'Multi-Attach error for volume "pvc-2f1c7a1e-8a57-4d0e-9f0b-1f8f5f3f6c11" Volume is already exclusively attached '
    "to one node and can't be attached to another"
)


def _class(site: Site) -> None:
    kind = {"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": {"name": "fast"}}
    site.cluster.apply({**kind, "provisioner": "csi.example", "allowVolumeExpansion": True})


def _request(size: str = "10Gi") -> dict[str, Any]:
    return {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}


def _stored(site: Site) -> None:
    _class(site)
    site.served("StatefulSet", replicas=3, claims=[{"metadata": {"name": "data"}, "spec": _request()}])


def _claimed(site: Site) -> None:
    _class(site)
    site.apply("PersistentVolumeClaim", "v1", "archive", spec=_request(), status={"phase": "Bound"})


def _fills(site: Site) -> None:
    claim = f"data-{site.name}-0"
    where = {"namespace": site.namespace, "persistentvolumeclaim": claim}
    site.about = claim
    site.measure("kubelet_volume_stats_used_bytes", climb(site.now + 600, 0.971, 0.06), **where)


def _fills_with_files(site: Site) -> None:
    claim = f"data-{site.name}-0"
    where = {"namespace": site.namespace, "persistentvolumeclaim": claim}
    site.about = claim
    site.measure("kubelet_volume_stats_used_bytes", climb(site.now, 0.41, 0.0), **where)
    site.measure("kubelet_volume_stats_inodes_used", climb(site.now + 600, 0.981, 0.02), **where)


def _attached_elsewhere(site: Site) -> None:
    site.next_pods("stuck", Manner(_ELSEWHERE, "FailedAttachVolume"))
    site.cluster.delete("Pod", site.namespace, f"{site.name}-1")


def _update_without_image(site: Site) -> None:
    site.next_pods("image-missing")
    site.roll(image=site.image("1.4.2-relase"))


def _not_reclaimed(site: Site) -> None:
    """A volume outlives its claim; only its alert tells of it."""
    site.cluster.delete("PersistentVolumeClaim", site.namespace, "archive")
    site.about = "pvc-2f1c7a1e-8a57-4d0e-9f0b-1f8f5f3f6c11"


BREAKAGES = (
    Breakage(
        "volume-full", "volume-filling-up", "A database's volume is nearly full",
        ("KubePersistentVolumeFillingUp",), "disk", _fills, "db",
        ("Claim data-db-0 is 97 % full",), by_hand="patch pvc data-db-0", furnish=_stored,
    ),
    Breakage(
        "volume-files", "volume-filling-up", "A volume has room for bytes and none for files",
        ("KubePersistentVolumeInodesFillingUp",), "disk", _fills_with_files, "mail",
        ("runs out of inodes", "98 %"), by_hand="patch pvc data-mail-0", furnish=_stored,
    ),
    Breakage(
        "volume-attached-elsewhere", "statefulset-not-rolled-out", "A volume hangs on the node of before",
        ("KubeStatefulSetReplicasMismatch",), "volume_mount", _attached_elsewhere, "queue",
        ("waits for a volume", "Multi-Attach"), furnish=_stored,
    ),
    Breakage(
        "update-without-image", "statefulset-not-rolled-out", "A StatefulSet's update names an image that isn't there",
        ("KubeStatefulSetUpdateNotRolledOut",), "image_pull", _update_without_image, "broker",
        ("the registry doesn't have it",), offers="Approve rollback", furnish=_stored,
    ),
    Breakage(
        "volume-not-reclaimed", "volume-errors", "A volume can't be removed after its claim",
        ("KubePersistentVolumeErrors",), "volume_mount", _not_reclaimed, "archive",
        ("Volume pvc-2f1c7a1e-8a57-4d0e-9f0b-1f8f5f3f6c11 is Failed",), furnish=_claimed,
    ),
)  # fmt: skip
