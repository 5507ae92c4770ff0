"""Nodes that are silent, under pressure or short of something, and the machines below them."""

from __future__ import annotations

from collections.abc import Callable

from bot.sandbox.breakages.breakage import Breakage, Happening
from bot.sandbox.breakages.site import Site
from bot.sandbox.measures import climb, level

_LOW_DISK = "The node was low on resource: ephemeral-storage. Threshold quantity: 10%, available: 4%."
_LOW_MEMORY = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi."


def _populated(site: Site) -> None:
    site.about = site.node(pods="4")
    site.served(replicas=3, **site.pool())


def _silent(site: Site) -> None:
    site.cluster.node_down(site.about)


def _flaps(site: Site) -> None:
    for reason in ("NodeNotReady", "NodeReady"):
        said = f"Node {site.about} status is now: {reason}"
        by = "node-controller" if reason == "NodeNotReady" else "kubelet"
        site.event("Node", site.about, reason, said, by, warning=False)


def _disk_is_low(site: Site) -> None:
    said = "kubelet has disk pressure"
    site.cluster.node_under(site.about, "DiskPressure", "KubeletHasDiskPressure", said)
    site.cluster.evict(site.namespace, site.pods()[0], _LOW_DISK)


def _memory_is_low(site: Site) -> None:
    said = "kubelet has insufficient memory available"
    site.cluster.node_under(site.about, "MemoryPressure", "KubeletHasInsufficientMemory", said)
    for pod in site.pods()[:2]:
        site.cluster.evict(site.namespace, pod, _LOW_MEMORY)


def _machine(site: Site) -> None:
    site.about = site.node()


def _nothing(_site: Site) -> None:
    """Nothing that the cluster's own objects tell."""


def _measured(word: str, value: float, per_hour: float = 0.0) -> Happening:
    def lately(site: Site) -> None:
        curve = climb(site.now, value, per_hour) if per_hour else level(value)
        site.measure(word, curve, instance=site.about)

    return lately


MEMORY, CPU, DISK = "node_memory_MemAvailable_bytes", "node_cpu_seconds_total", "node_filesystem_avail_bytes"
FILES = "node_filesystem_files_free"

_machine_breakage: Callable[..., Breakage] = lambda name, entry, title, alerts, says, **more: Breakage(  # noqa: E731
    name,
    entry,
    title,
    alerts,
    more.pop("cause", "node_trouble"),
    _nothing,
    "api",
    says,
    furnish=_machine,
    alone=True,
    **more,
)

BREAKAGES = (
    Breakage(
        "node-silent", "node-not-ready", "A node answers no more",
        ("KubeNodeNotReady", "KubeNodeUnreachable", "KubeletInstanceUnreachable"), "node_trouble", _silent, "api",
        ("doesn't answer", "Kubelet stopped posting node status"), by_hand="kubectl cordon", furnish=_populated,
    ),
    Breakage(
        "node-flaps", "node-not-ready", "A node comes and goes",
        ("KubeNodeReadinessFlapping",), "node_trouble", _flaps, "api",
        ("readiness status is flapping",), furnish=_populated,
    ),
    Breakage(
        "node-disk-low", "node-pressure", "A node's disk is full, and it evicts",
        ("KubeNodePressure",), "node_trouble", _disk_is_low, "api",
        ("under disk pressure",), furnish=_populated,
    ),
    Breakage(
        "node-memory-low", "node-pressure", "A node's memory is short, and it evicts",
        ("KubeNodeEviction",), "node_trouble", _memory_is_low, "api",
        ("under memory pressure",), furnish=_populated,
    ),
    Breakage(
        "node-crowded", "node-pressure", "A node holds as many pods as it may",
        ("KubeletTooManyPods",), "node_trouble", _nothing, "api",
        ("running at capacity",), furnish=_populated,
    ),
    Breakage(
        "kubelet-slow", "kubelet", "A kubelet takes long to see what its pods do",
        ("KubeletPlegDurationHigh", "KubeletPodStartUpLatencyHigh"), "node_trouble", _nothing, "api",
        ("taking too long to relist",), furnish=_populated,
    ),
    Breakage(
        "kubelet-gone", "kubelet", "Prometheus has lost all kubelets",
        ("KubeletDown",), "node_trouble", _nothing, "api", ("disappeared from Prometheus",), alone=True,
    ),
    Breakage(
        "kubelet-certificate", "kubelet", "A kubelet's certificate runs out",
        (
            "KubeletClientCertificateExpiration", "KubeletServerCertificateExpiration",
            "KubeletClientCertificateRenewalErrors", "KubeletServerCertificateRenewalErrors",
        ), "node_trouble", _nothing, "api", ("is about to expire",), furnish=_populated,
    ),
    _machine_breakage(
        "machine-clock", "node-clock", "A machine's clock is wrong",
        ("NodeClockSkewDetected", "NodeClockNotSynchronising"), ("Clock skew detected",),
    ),
    _machine_breakage(
        "machine-cpu", "node-cpu", "A machine's CPU is used up", ("NodeCPUHighUsage", "NodeSystemSaturation"),
        ("node CPU in use 9",), lately=_measured(CPU, 0.974),
    ),
    _machine_breakage(
        "machine-disk", "node-disk", "A machine's array has lost a disk",
        ("NodeRAIDDegraded", "NodeRAIDDiskFailure", "NodeDiskIOSaturation"), ("RAID Array is degraded",),
    ),
    _machine_breakage(
        "machine-filesystem", "node-filesystem", "A machine's filesystem is nearly full",
        ("NodeFilesystemAlmostOutOfSpace", "NodeFilesystemSpaceFillingUp"), ("97 % in use", "runs out of space"),
        cause="disk", lately=_measured(DISK, 0.974, 0.02),
    ),
    _machine_breakage(
        "machine-inodes", "node-filesystem", "A machine's filesystem has no more room for files",
        ("NodeFilesystemAlmostOutOfFiles", "NodeFilesystemFilesFillingUp"),
        ("98 % of its inodes in use", "runs out of inodes"), cause="disk", lately=_measured(FILES, 0.979, 0.01),
    ),
    _machine_breakage(
        "machine-memory", "node-memory", "A machine's memory is used up",
        ("NodeMemoryHighUtilization", "NodeMemoryMajorPagesFaults"), ("node memory in use 9",),
        lately=_measured(MEMORY, 0.962),
    ),
    _machine_breakage(
        "machine-network", "node-network", "A machine's network loses packets",
        (
            "NodeNetworkReceiveErrs", "NodeNetworkTransmitErrs", "NodeNetworkInterfaceFlapping", "NodeBondingDegraded",
            "NodeHighNumberConntrackEntriesUsed",
        ), ("many receive errors",),
    ),
    _machine_breakage(
        "machine-service", "node-services", "A service of a machine fails",
        (
            "NodeSystemdServiceFailed", "NodeSystemdServiceCrashlooping", "NodeFileDescriptorLimit",
            "NodeTextFileCollectorScrapeError",
        ), ("Systemd service has entered failed state",),
    ),
)  # fmt: skip
