"""The rules of the kube-prometheus stack about workloads, nodes and the cluster's own parts, with their own words.

Names, severities, summaries and labels are those of the kubernetes-mixin and the node-exporter mixin; descriptions are
cut to what tells. It refuses to hold expressions: nothing evaluates them here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.sandbox.alert_rule import (
    HOST,
    ITS_POD,
    KUBELET,
    NODE,
    NODE_EXPORTER,
    NOTHING,
    POD,
    PROMETHEUS,
    STATE_METRICS,
    Rule,
)

_STATE = {**STATE_METRICS, **ITS_POD}
_API = {"job": "apiserver", "service": "kubernetes", "namespace": "default", "instance": "10.0.0.2:6443", **PROMETHEUS}

Row = tuple[str, str, str, str]
"""Name, severity, summary, description."""


def _about(by: str, labels: Mapping[str, str], *rows: Row) -> Iterator[Rule]:
    return (Rule(name, severity, by, summary, said, labels) for name, severity, summary, said in rows)


_WORKLOADS = (
    *_about(
        POD, {**STATE_METRICS, "container": "app"},
        ("KubeContainerWaiting", "warning", "Pod container waiting longer than 1 hour.",
         "Pod {namespace}/{pod} on container app has been in waiting state for longer than 1 hour."),
    ),
    *_about(
        POD, {"container": "app", **PROMETHEUS},
        ("CPUThrottlingHigh", "info", "Processes experience elevated CPU throttling.",
         "Throttling of CPU in namespace {namespace} for container app in pod {pod} is high."),
        ("KubePodOOMKilled", "warning", "A container was killed because it ran out of memory.",
         "Container app of {namespace}/{pod} was OOM killed within the last 10 minutes."),
    ),
    *_about(
        POD, PROMETHEUS,
        ("ImagePullBackOff", "warning", "An image can't be pulled.",
         "Pod {namespace}/{pod} waits for its image for more than 5 minutes."),
    ),
    *_about(
        "deployment", _STATE,
        ("KubeDeploymentRolloutStuck", "warning", "Deployment rollout is not progressing.",
         "Rollout of deployment {namespace}/{workload} is not progressing for longer than 15 minutes."),
        ("KubeDeploymentGenerationMismatch", "warning", "Deployment generation mismatch due to possible roll-back",
         "Deployment generation for {namespace}/{workload} does not match; it has failed and wasn't rolled back."),
    ),
    *_about(
        "statefulset", _STATE,
        ("KubeStatefulSetGenerationMismatch", "warning", "StatefulSet generation mismatch due to possible roll-back",
         "StatefulSet generation for {namespace}/{workload} does not match."),
        ("KubeStatefulSetReplicasMismatch", "warning",
         "StatefulSet has not matched the expected number of replicas.",
         "StatefulSet {namespace}/{workload} has not matched the expected number of replicas for 15 minutes."),
        ("KubeStatefulSetUpdateNotRolledOut", "warning", "StatefulSet update has not been rolled out.",
         "StatefulSet {namespace}/{workload} update has not been rolled out."),
    ),
    *_about(
        "daemonset", _STATE,
        ("KubeDaemonSetRolloutStuck", "warning", "DaemonSet rollout is stuck.",
         "DaemonSet {namespace}/{workload} has not finished or progressed for at least 15 minutes."),
        ("KubeDaemonSetNotScheduled", "warning", "DaemonSet pods are not scheduled.",
         "1 pods of DaemonSet {namespace}/{workload} are not scheduled."),
        ("KubeDaemonSetMisScheduled", "warning", "DaemonSet pods are misscheduled.",
         "1 pods of DaemonSet {namespace}/{workload} are running where they are not supposed to run."),
    ),
    *_about(
        "horizontalpodautoscaler", _STATE,
        ("KubeHpaMaxedOut", "warning", "HPA is running at max replicas",
         "HPA {namespace}/{workload} has been running at max replicas for longer than 15 minutes."),
        ("KubeHpaReplicasMismatch", "warning", "HPA has not matched desired number of replicas.",
         "HPA {namespace}/{workload} has not matched the desired number of replicas for longer than 15 minutes."),
    ),
    *_about(
        "job_name", {**_STATE, "condition": "true"},
        ("KubeJobFailed", "warning", "Job failed to complete.", "Job {namespace}/{workload} failed to complete."),
    ),
    *_about(
        "job_name", PROMETHEUS,
        ("KubeJobNotCompleted", "warning", "Job did not complete in time",
         "Job {namespace}/{workload} is taking more than 12 hours to complete."),
        ("KubeJobCompletion", "warning", "Job did not complete in time",
         "Job {namespace}/{workload} is taking more than one hour to complete."),
    ),
    *_about(
        "poddisruptionbudget", _STATE,
        ("KubePdbNotEnoughHealthyPods", "warning", "PDB does not have enough healthy pods.",
         "PDB {namespace}/{workload} expects 1 more healthy pods."),
    ),
    *_about(
        "resourcequota", PROMETHEUS,
        ("KubeQuotaAlmostFull", "info", "Namespace quota is going to be full.",
         "Namespace {namespace} is using 95% of its requests.cpu quota."),
        ("KubeQuotaFullyUsed", "info", "Namespace quota is fully used.",
         "Namespace {namespace} is using 100% of its requests.cpu quota."),
        ("KubeQuotaExceeded", "warning", "Namespace quota has exceeded the limits.",
         "Namespace {namespace} is using 110% of its requests.cpu quota."),
    ),
    *_about(
        "service", PROMETHEUS,
        ("TargetDown", "warning", "One or more targets are unreachable.",
         "100% of the {workload}/{workload} targets in {namespace} namespace are down."),
    ),
)  # fmt: skip

_VOLUMES = (
    *_about(
        "persistentvolumeclaim", KUBELET,
        ("KubePersistentVolumeInodesFillingUp", "critical", "PersistentVolumeInodes are filling up.",
         "The volume claimed by {workload} in {namespace} has only 2 % free inodes."),
    ),
    *_about(
        "persistentvolume", {**_STATE, "phase": "Failed", "namespace": "monitoring"},
        ("KubePersistentVolumeErrors", "critical", "PersistentVolume is having issues with provisioning.",
         "The persistent volume {workload} has status Failed."),
    ),
)  # fmt: skip

_NODES = (
    *_about(
        NODE, {**_STATE, "namespace": "monitoring"},
        ("KubeNodeNotReady", "warning", "Node is not ready.", "{workload} has been unready for more than 15 minutes."),
        ("KubeNodeUnreachable", "warning", "Node is unreachable.",
         "{workload} is unreachable and some workloads may be rescheduled."),
        ("KubeNodePressure", "info", "Node has as active Condition.",
         "{workload} has active Condition DiskPressure: its usage exceeds eviction thresholds."),
    ),
    *_about(
        NODE, PROMETHEUS,
        ("KubeNodeReadinessFlapping", "warning", "Node readiness status is flapping.",
         "The readiness status of node {workload} has changed 9 times in the last 15 minutes."),
        ("KubeNodeEviction", "info", "Node is evicting pods.",
         "Node {workload} is evicting Pods due to memory.available."),
        ("KubeletTooManyPods", "info", "Kubelet is running at capacity.",
         "Kubelet {workload} is running at 98% of its Pod capacity."),
        ("KubeletPodStartUpLatencyHigh", "warning", "Kubelet Pod startup latency is too high.",
         "Kubelet Pod startup 99th percentile latency is 95 seconds on node {workload}."),
    ),
    *_about(
        NODE, KUBELET,
        ("KubeletInstanceUnreachable", "warning", "Kubelet is unreachable.",
         "The kubelet of {workload} can't be scraped for 15 minutes."),
        ("KubeletPlegDurationHigh", "warning", "Kubelet Pod Lifecycle Event Generator is taking too long to relist.",
         "The Kubelet Pod Lifecycle Event Generator has a 99th percentile duration of 14 seconds on node {workload}."),
        ("KubeletClientCertificateExpiration", "warning", "Kubelet client certificate is about to expire.",
         "Client certificate for Kubelet on node {workload} expires in 2d 3h."),
        ("KubeletServerCertificateExpiration", "warning", "Kubelet server certificate is about to expire.",
         "Server certificate for Kubelet on node {workload} expires in 2d 3h."),
        ("KubeletClientCertificateRenewalErrors", "warning", "Kubelet has failed to renew its client certificate.",
         "Kubelet on node {workload} has failed to renew its client certificate (3 errors in the last 5 minutes)."),
        ("KubeletServerCertificateRenewalErrors", "warning", "Kubelet has failed to renew its server certificate.",
         "Kubelet on node {workload} has failed to renew its server certificate (3 errors in the last 5 minutes)."),
    ),
    *_about(
        NOTHING, {"job": "kubelet", "metrics_path": "/metrics", **PROMETHEUS},
        ("KubeletDown", "critical", "Target disappeared from Prometheus target discovery.",
         "Kubelet has disappeared from Prometheus target discovery."),
    ),
)  # fmt: skip

_MACHINES = (
    *_about(
        HOST, {**NODE_EXPORTER, "device": "/dev/nvme0n1p1", "fstype": "ext4", "mountpoint": "/var/lib/containerd"},
        ("NodeFilesystemSpaceFillingUp", "warning",
         "Filesystem is predicted to run out of space within the next 24 hours.",
         "Filesystem on /dev/nvme0n1p1 at {workload} has only 9.10% available space left and is filling up."),
        ("NodeFilesystemAlmostOutOfSpace", "critical", "Filesystem has less than 3% space left.",
         "Filesystem on /dev/nvme0n1p1 at {workload} has only 2.60% available space left."),
        ("NodeFilesystemFilesFillingUp", "warning",
         "Filesystem is predicted to run out of inodes within the next 24 hours.",
         "Filesystem on /dev/nvme0n1p1 at {workload} has only 11.00% available inodes left and is filling up."),
        ("NodeFilesystemAlmostOutOfFiles", "critical", "Filesystem has less than 3% inodes left.",
         "Filesystem on /dev/nvme0n1p1 at {workload} has only 2.10% available inodes left."),
    ),
    *_about(
        HOST, NODE_EXPORTER,
        ("NodeMemoryHighUtilization", "warning", "Host is running out of memory.",
         "Memory is filling up at {workload}, has been above 90% for the last 15 minutes, is currently at 96.20%."),
        ("NodeMemoryMajorPagesFaults", "warning", "Memory major page faults are occurring at very high rate.",
         "Memory major pages are occurring at very high rate at {workload}, 500 major page faults per second."),
        ("NodeCPUHighUsage", "info", "High CPU usage.",
         "CPU usage at {workload} has been above 90% for the last 15 minutes, is currently at 97.40%."),
        ("NodeSystemSaturation", "warning", "System saturated, load per core is very high.",
         "System load per core at {workload} has been above 2 for the last 15 minutes, is currently at 3.10."),
        ("NodeClockSkewDetected", "warning", "Clock skew detected.",
         "Clock at {workload} is out of sync by more than 0.05s. Ensure NTP is configured correctly on this host."),
        ("NodeClockNotSynchronising", "warning", "Clock not synchronising.",
         "Clock at {workload} is not synchronising. Ensure NTP is configured on this host."),
        ("NodeHighNumberConntrackEntriesUsed", "warning", "Number of conntrack are getting close to the limit.",
         "{workload} 86% of conntrack entries are used."),
        ("NodeBondingDegraded", "warning", "Bonding interface is degraded.",
         "Bonding interface bond0 on {workload} is in degraded state due to one or more slave failures."),
        ("NodeSystemdServiceFailed", "warning", "Systemd service has entered failed state.",
         "Systemd service containerd.service has entered failed state at {workload}"),
        ("NodeSystemdServiceCrashlooping", "warning", "Systemd service keeps restaring, possibly crash looping.",
         "Systemd service containerd.service has being restarted too many times at {workload} for 15 minutes."),
        ("NodeFileDescriptorLimit", "critical", "Kernel is predicted to exhaust file descriptors limit soon.",
         "File descriptors limit at {workload} is currently at 92.00%."),
        ("NodeTextFileCollectorScrapeError", "warning", "Node Exporter text file collector failed to scrape.",
         "Node Exporter text file collector on {workload} failed to scrape."),
    ),
    *_about(
        HOST, {**NODE_EXPORTER, "device": "nvme0n1"},
        ("NodeDiskIOSaturation", "warning", "Disk IO queue is high.",
         "Disk IO queue (aqu-sq) is high on nvme0n1 at {workload}, has been above 10 for the last 30 minutes."),
    ),
    *_about(
        HOST, {**NODE_EXPORTER, "device": "md0"},
        ("NodeRAIDDegraded", "critical", "RAID Array is degraded.",
         "RAID array 'md0' at {workload} is in degraded state due to one or more disks failures."),
        ("NodeRAIDDiskFailure", "warning", "Failed device in RAID array.",
         "At least one device in RAID array at {workload} failed. Array 'md0' needs attention."),
    ),
    *_about(
        HOST, {**NODE_EXPORTER, "device": "eth0"},
        ("NodeNetworkReceiveErrs", "warning", "Network interface is reporting many receive errors.",
         "{workload} interface eth0 has encountered 4120 receive errors in the last two minutes."),
        ("NodeNetworkTransmitErrs", "warning", "Network interface is reporting many transmit errors.",
         "{workload} interface eth0 has encountered 1873 transmit errors in the last two minutes."),
        ("NodeNetworkInterfaceFlapping", "warning", "Network interface is often changing its status",
         "Network interface eth0 changing its up status often on node-exporter {workload}"),
    ),
)  # fmt: skip

_CLUSTER = (
    *_about(
        NOTHING, PROMETHEUS,
        ("KubeCPUOvercommit", "warning", "Cluster has overcommitted CPU resource requests.",
         "Cluster has overcommitted CPU resource requests by 4.5 CPU shares and cannot tolerate node failure."),
        ("KubeMemoryOvercommit", "warning", "Cluster has overcommitted memory resource requests.",
         "Cluster has overcommitted memory resource requests by 21 GiB and cannot tolerate node failure."),
        ("KubeCPUQuotaOvercommit", "warning", "Cluster has overcommitted CPU resource requests.",
         "Cluster has overcommitted CPU resource requests for Namespaces."),
        ("KubeMemoryQuotaOvercommit", "warning", "Cluster has overcommitted memory resource requests.",
         "Cluster has overcommitted memory resource requests for Namespaces."),
        ("KubeAPIErrorBudgetBurn", "critical", "The API server is burning too much error budget.",
         "The API server is burning too much error budget."),
        ("KubeAPITerminatedRequests", "warning",
         "The kubernetes apiserver has terminated 34% of its incoming requests.",
         "The kubernetes apiserver has terminated 34% of its incoming requests."),
        ("KubeVersionMismatch", "warning", "Different semantic versions of Kubernetes components running.",
         "There are 2 different semantic versions of Kubernetes components running."),
        ("KubeStateMetricsListErrors", "critical", "kube-state-metrics is experiencing errors in list operations.",
         "kube-state-metrics is experiencing errors at an elevated rate in list operations."),
        ("KubeStateMetricsWatchErrors", "critical", "kube-state-metrics is experiencing errors in watch operations.",
         "kube-state-metrics is experiencing errors at an elevated rate in watch operations."),
        ("KubeStateMetricsShardingMismatch", "critical", "kube-state-metrics sharding is misconfigured.",
         "kube-state-metrics pods are running with different --total-shards configuration."),
        ("KubeStateMetricsShardsMissing", "critical", "kube-state-metrics shards are missing.",
         "kube-state-metrics shards are missing, some Kubernetes objects are not being exposed."),
    ),
    *_about(
        NOTHING, {"name": "v1beta1.metrics.k8s.io", "namespace": "default", **PROMETHEUS},
        ("KubeAggregatedAPIErrors", "warning", "Kubernetes aggregated API has reported errors.",
         "Kubernetes aggregated API v1beta1.metrics.k8s.io/default has reported FailedDiscoveryCheck errors."),
        ("KubeAggregatedAPIDown", "warning", "Kubernetes aggregated API is down.",
         "Kubernetes aggregated API v1beta1.metrics.k8s.io/default has been only 62% available over the last 10m."),
    ),
    *_about(
        NOTHING, _API,
        ("KubeAPIInstanceUnreachable", "warning", "An API server instance is unreachable.",
         "10.0.0.2:6443 can't be scraped for 15 minutes."),
        ("KubeClientCertificateExpiration", "critical", "Client certificate is about to expire.",
         "A client certificate used to authenticate to kubernetes apiserver is expiring in less than 24.0 hours."),
    ),
    *_about(
        NOTHING, {"instance": "10.0.0.13:10250", "job": "kubelet", "namespace": "kube-system", **PROMETHEUS},
        ("KubeClientErrors", "warning", "Kubernetes API server client is experiencing errors.",
         "Kubernetes API server client 'kubelet/10.0.0.13:10250' is experiencing 12% errors."),
    ),
    *(
        rule
        for part, name in (
            ("KubeAPI", "apiserver"), ("KubeScheduler", "kube-scheduler"),
            ("KubeControllerManager", "kube-controller-manager"), ("KubeProxy", "kube-proxy"),
        )
        for rule in _about(
            NOTHING, {"job": name},
            (f"{part}Down", "critical", "Target disappeared from Prometheus target discovery.",
             f"{part} has disappeared from Prometheus target discovery."),
        )
    ),
    *(
        rule
        for part, name in (
            ("KubeScheduler", "kube-scheduler"), ("KubeControllerManager", "kube-controller-manager"),
            ("KubeProxy", "kube-proxy"),
        )
        for rule in _about(
            NOTHING, {"job": name, "instance": "10.0.0.2:10259", **PROMETHEUS},
            (f"{part}InstanceUnreachable", "warning", f"A {name} instance is unreachable.",
             f"An instance of {name} can't be scraped for 15 minutes."),
        )
    ),
)  # fmt: skip

STACK: tuple[Rule, ...] = (*_WORKLOADS, *_VOLUMES, *_NODES, *_MACHINES, *_CLUSTER)
