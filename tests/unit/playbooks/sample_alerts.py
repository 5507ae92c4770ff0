"""One alert of each rule of the kube-prometheus stack about workloads and nodes, with the labels its rule gives it."""

from collections.abc import Mapping

Labels = Mapping[str, str]

_PROMETHEUS = {"prometheus": "monitoring/k8s"}
_STATE = {
    "job": "kube-state-metrics", "service": "kube-state-metrics", "instance": "10.244.1.7:8443",
    "endpoint": "https-main", "namespace": "shop", **_PROMETHEUS,
}  # fmt: skip
_NODE = {
    "job": "node-exporter", "service": "node-exporter", "instance": "node-3", "endpoint": "https",
    "namespace": "monitoring", "pod": "node-exporter-x7k2p", "container": "kube-rbac-proxy", **_PROMETHEUS,
}  # fmt: skip
_KUBELET = {
    "job": "kubelet", "service": "kubelet", "instance": "10.0.0.13:10250", "endpoint": "https-metrics",
    "metrics_path": "/metrics", "namespace": "kube-system", "node": "node-3", **_PROMETHEUS,
}  # fmt: skip
_EXPORTER = {"pod": "kube-state-metrics-5f9c", "container": "kube-rbac-proxy-main"}
_APISERVER = {
    "job": "apiserver",
    "service": "kubernetes",
    "namespace": "default",
    "instance": "10.0.0.2:6443",
    **_PROMETHEUS,
}
_POD = {"namespace": "shop", "pod": "api-7c9f6d5b8-x2x9q", **_PROMETHEUS}
_DISK = {"device": "/dev/nvme0n1p1", "fstype": "ext4", "mountpoint": "/var/lib/containerd"}


def _alert(name: str, playbook: str, severity: str, /, *parts: Labels, **labels: str) -> tuple[str, Labels, str]:
    merged: dict[str, str] = {}
    for part in parts:
        merged |= part
    return name, {"alertname": name, **merged, "severity": severity, **labels}, playbook


def _workload(kind: str, name: str, playbook: str) -> tuple[str, Labels, str]:
    return _alert(name, playbook, "warning", _STATE, _EXPORTER, {kind: "api"})


ALERTS = (
    _alert(
        "KubePodCrashLooping", "pod-crash-looping", "warning", _STATE, _POD,
        container="app", reason="CrashLoopBackOff", uid="1f3c",
    ),
    _alert("KubePodNotReady", "pod-not-ready", "warning", _POD),
    _alert(
        "KubeContainerWaiting", "container-waiting", "warning", _STATE, _POD,
        container="app", reason="ImagePullBackOff",
    ),
    _workload("deployment", "KubeDeploymentReplicasMismatch", "deployment-replicas-mismatch"),
    _workload("deployment", "KubeDeploymentRolloutStuck", "deployment-rollout-stuck"),
    _workload("deployment", "KubeDeploymentGenerationMismatch", "generation-mismatch"),
    _workload("statefulset", "KubeStatefulSetGenerationMismatch", "generation-mismatch"),
    _workload("statefulset", "KubeStatefulSetReplicasMismatch", "statefulset-not-rolled-out"),
    _alert(
        "KubeStatefulSetUpdateNotRolledOut", "statefulset-not-rolled-out", "warning",
        statefulset="db", namespace="shop", job="kube-state-metrics",
    ),
    _workload("daemonset", "KubeDaemonSetRolloutStuck", "daemonset-rollout"),
    _workload("daemonset", "KubeDaemonSetNotScheduled", "daemonset-rollout"),
    _workload("daemonset", "KubeDaemonSetMisScheduled", "daemonset-rollout"),
    _workload("horizontalpodautoscaler", "KubeHpaMaxedOut", "autoscaler-maxed-out"),
    _workload("horizontalpodautoscaler", "KubeHpaReplicasMismatch", "autoscaler-mismatch"),
    _alert("KubeJobFailed", "job-failed", "warning", _STATE, _EXPORTER, job_name="report-28371", condition="true"),
    _alert("KubeJobNotCompleted", "job-not-completed", "warning", namespace="shop", job_name="report-28371"),
    _alert("KubeJobCompletion", "job-not-completed", "warning", _STATE, _EXPORTER, job_name="report-28371"),
    _workload("poddisruptionbudget", "KubePdbNotEnoughHealthyPods", "disruption-budget"),
    _alert("CPUThrottlingHigh", "cpu-throttling", "info", _POD, container="app"),
    *(
        _alert(name, "volume-filling-up", severity, _KUBELET, namespace="shop", persistentvolumeclaim="data-db-0")
        for name in ("KubePersistentVolumeFillingUp", "KubePersistentVolumeInodesFillingUp")
        for severity in ("warning", "critical")
    ),
    _alert(
        "KubePersistentVolumeErrors", "volume-errors", "critical", _STATE, _EXPORTER,
        persistentvolume="pvc-1", phase="Failed",
    ),
    _alert(
        "KubeNodeNotReady", "node-not-ready", "warning", _STATE, _EXPORTER,
        node="node-3", condition="Ready", status="true",
    ),
    _alert(
        "KubeNodeUnreachable", "node-not-ready", "warning", _STATE, _EXPORTER,
        node="node-3", key="node.kubernetes.io/unreachable", effect="NoSchedule",
    ),
    _alert("KubeNodeReadinessFlapping", "node-not-ready", "warning", node="node-3"),
    _alert("KubeletInstanceUnreachable", "node-not-ready", "warning", _KUBELET),
    _alert(
        "KubeNodePressure", "node-pressure", "info", _STATE, _EXPORTER,
        node="node-3", condition="DiskPressure", status="true",
    ),
    _alert("KubeNodeEviction", "node-pressure", "info", node="node-3", eviction_signal="memory.available"),
    _alert("KubeletTooManyPods", "node-pressure", "info", node="node-3"),
    _alert("KubeletDown", "kubelet", "critical", job="kubelet", metrics_path="/metrics"),
    _alert("KubeletPlegDurationHigh", "kubelet", "warning", _KUBELET, quantile="0.99"),
    _alert("KubeletPodStartUpLatencyHigh", "kubelet", "warning", instance="10.0.0.13:10250", node="node-3"),
    *(
        _alert(name, "kubelet", "warning", _KUBELET)
        for name in (
            "KubeletClientCertificateExpiration", "KubeletServerCertificateExpiration",
            "KubeletClientCertificateRenewalErrors", "KubeletServerCertificateRenewalErrors",
        )
    ),
    *(
        _alert(name, "quota", severity, namespace="shop", resource="requests.cpu", resourcequota="team")
        for name, severity in (
            ("KubeQuotaAlmostFull", "info"), ("KubeQuotaFullyUsed", "info"), ("KubeQuotaExceeded", "warning"),
        )
    ),
    *(
        _alert(name, "overcommit", "warning", _PROMETHEUS)
        for name in ("KubeCPUOvercommit", "KubeMemoryOvercommit", "KubeCPUQuotaOvercommit", "KubeMemoryQuotaOvercommit")
    ),
    _alert("KubeAPIDown", "control-plane", "critical", job="apiserver"),
    _alert("KubeAPIErrorBudgetBurn", "control-plane", "critical", long="1h", short="5m"),
    _alert("KubeAPITerminatedRequests", "control-plane", "warning"),
    _alert("KubeAPIInstanceUnreachable", "control-plane", "warning", _APISERVER),
    _alert("KubeAggregatedAPIErrors", "control-plane", "warning", name="v1beta1.metrics.k8s.io", namespace="default"),
    _alert("KubeAggregatedAPIDown", "control-plane", "warning", name="v1beta1.metrics.k8s.io", namespace="default"),
    _alert(
        "KubeClientErrors", "control-plane", "warning",
        instance="10.0.0.13:10250", job="kubelet", namespace="kube-system",
    ),
    _alert("KubeClientCertificateExpiration", "control-plane", "critical", _APISERVER),
    _alert("KubeVersionMismatch", "control-plane", "warning"),
    *(
        _alert(f"{part}{what}", "control-plane", "critical", job=part.lower())
        for part in ("KubeScheduler", "KubeControllerManager", "KubeProxy")
        for what in ("Down", "InstanceUnreachable")
    ),
    *(
        _alert(name, "state-metrics", "critical")
        for name in (
            "KubeStateMetricsListErrors", "KubeStateMetricsWatchErrors", "KubeStateMetricsShardingMismatch",
            "KubeStateMetricsShardsMissing",
        )
    ),
    _alert("TargetDown", "target-down", "warning", job="api", namespace="shop", service="api"),
    *(
        _alert(name, "node-filesystem", severity, _NODE, _DISK)
        for name in (
            "NodeFilesystemSpaceFillingUp", "NodeFilesystemAlmostOutOfSpace", "NodeFilesystemFilesFillingUp",
            "NodeFilesystemAlmostOutOfFiles",
        )
        for severity in ("warning", "critical")
    ),
    _alert("NodeMemoryHighUtilization", "node-memory", "warning", _NODE),
    _alert("NodeMemoryMajorPagesFaults", "node-memory", "warning", _NODE),
    _alert("NodeCPUHighUsage", "node-cpu", "info", _NODE),
    _alert("NodeSystemSaturation", "node-cpu", "warning", _NODE),
    _alert("NodeDiskIOSaturation", "node-disk", "warning", _NODE, device="nvme0n1"),
    _alert("NodeRAIDDegraded", "node-disk", "critical", _NODE, device="md0"),
    _alert("NodeRAIDDiskFailure", "node-disk", "warning", _NODE, device="md0", state="failed"),
    _alert("NodeClockSkewDetected", "node-clock", "warning", _NODE),
    _alert("NodeClockNotSynchronising", "node-clock", "warning", _NODE),
    *(
        _alert(name, "node-network", "warning", _NODE, device="eth0")
        for name in ("NodeNetworkReceiveErrs", "NodeNetworkTransmitErrs", "NodeNetworkInterfaceFlapping")
    ),
    _alert("NodeBondingDegraded", "node-network", "warning", _NODE, master="bond0"),
    _alert("NodeHighNumberConntrackEntriesUsed", "node-network", "warning", _NODE),
    _alert("NodeSystemdServiceFailed", "node-services", "warning", _NODE, name="containerd.service", state="failed"),
    _alert("NodeSystemdServiceCrashlooping", "node-services", "warning", _NODE, name="containerd.service"),
    _alert("NodeFileDescriptorLimit", "node-services", "critical", _NODE),
    _alert("NodeTextFileCollectorScrapeError", "node-services", "warning", _NODE),
    _alert("ImagePullBackOff", "image-pull", "warning", _POD),
    _alert("KubernetesPodErrImagePull", "image-pull", "warning", _POD),
    _alert("ImagePullErrors", "image-pull", "warning", _POD),
    _alert("KubePodOOMKilled", "out-of-memory", "warning", _POD, container="app"),
    _alert("ContainerOomKiller", "out-of-memory", "warning", _POD, container="app"),
    _alert("HighErrorRate", "service-errors", "critical", namespace="shop", deployment="api"),
    _alert("CheckoutHttp5xx", "service-errors", "critical", namespace="shop", service="checkout"),
    _alert("PaymentsUnavailable", "service-errors", "critical", namespace="pay", app="payments"),
    _alert("HighLatency", "service-latency", "warning", namespace="shop", deployment="api"),
    _alert("ApiP99TooHigh", "service-latency", "warning", namespace="shop", service="api"),
    _alert("search_response_time_slow", "service-latency", "warning", namespace="shop", service="search"),
    _alert("QueueTooLong", "default", "warning", namespace="shop", queue="orders"),
    _alert("PrometheusRuleFailures", "default", "critical", namespace="monitoring", job="prometheus-k8s"),
    _alert("KubeSomethingNewErrors", "default", "warning", namespace="shop"),
)  # fmt: skip
"""(name, labels, the playbook that is for it)."""
