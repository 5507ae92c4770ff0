"""What Prometheus is asked about every workload, as data: names of kube-state-metrics, cAdvisor, common libraries.

A query whose places aren't known, or whose metrics nobody exports, costs nothing but itself. Playbooks ask more, and
a query of theirs with one of these names takes its place.
"""

from __future__ import annotations

from bot.domain.query import MetricQuery

_PODS = 'namespace="$namespace", pod=~"$pods"'
_CONTAINERS = f'{_PODS}, container!="", container!="POD"'
_REQUESTS = (
    ("http_requests_total", ("code", "status")),
    ("http_server_requests_seconds_count", ("status",)),  # Micrometer
    ("http_server_request_duration_seconds_count", ("http_response_status_code",)),  # OpenTelemetry
    ("http_request_duration_seconds_count", ("code", "status", "status_code")),
)
_BUCKETS = (
    "http_request_duration_seconds_bucket",
    "http_server_requests_seconds_bucket",
    "http_server_request_duration_seconds_bucket",
)
_TRAFFIC = " or ".join(f"sum(rate({name}{{{_PODS}}}[5m]))" for name, _ in _REQUESTS)
_FAILED = " or ".join(
    f'sum(rate({name}{{{_PODS}, {label}=~"5.."}}[5m]))' for name, labels in _REQUESTS for label in labels
)
_SLOW = " or ".join(f"histogram_quantile(0.99, sum by (le) (rate({name}{{{_PODS}}}[5m])))" for name in _BUCKETS)

WORKLOAD = (
    MetricQuery(
        "memory",
        f"max by (pod, container) (container_memory_working_set_bytes{{{_CONTAINERS}}})",
        "Memory (working set)",
        "bytes",
    ),
    MetricQuery(
        "cpu", f"sum by (pod, container) (rate(container_cpu_usage_seconds_total{{{_CONTAINERS}}}[5m]))", "CPU", "cores"
    ),
    MetricQuery(
        "restarts",
        f"max by (pod, container) (kube_pod_container_status_restarts_total{{{_PODS}}})",
        "Restarts",
    ),
    MetricQuery(
        "throttling",
        f"sum by (pod, container) (increase(container_cpu_cfs_throttled_periods_total{{{_CONTAINERS}}}[5m]))"
        f" / sum by (pod, container) (increase(container_cpu_cfs_periods_total{{{_CONTAINERS}}}[5m]))",
        "CPU throttled",
        "ratio",
    ),
    # Without a failed request there is no series of failed ones: then the rate is 0, not unknown.
    MetricQuery("errors", f"({_FAILED} or vector(0)) / ({_TRAFFIC})", "Failed requests (5xx)", "ratio"),
    MetricQuery("latency", _SLOW, "Latency (99th percentile)", "seconds"),
    MetricQuery("traffic", _TRAFFIC, "Requests", "per_second"),
    MetricQuery("up", f"max by (pod) (up{{{_PODS}}})", "Scrape target up"),
)
NODE = (
    MetricQuery("memory", 'sum(container_memory_working_set_bytes{id="/", node="$node"})', "Node memory", "bytes"),
    MetricQuery("cpu", 'sum(rate(container_cpu_usage_seconds_total{id="/", node="$node"}[5m]))', "Node CPU", "cores"),
)
CLAIM = (
    MetricQuery(
        "disk",
        'max(kubelet_volume_stats_used_bytes{namespace="$namespace", persistentvolumeclaim="$claim"})'
        ' / max(kubelet_volume_stats_capacity_bytes{namespace="$namespace", persistentvolumeclaim="$claim"})',
        "Volume used",
        "ratio",
    ),
    MetricQuery(
        "disk",
        "max by (persistentvolumeclaim)"
        ' (kubelet_volume_stats_used_bytes{namespace="$namespace", persistentvolumeclaim=~"$claims"})'
        " / max by (persistentvolumeclaim)"
        ' (kubelet_volume_stats_capacity_bytes{namespace="$namespace", persistentvolumeclaim=~"$claims"})',
        "Volume used",
        "ratio",
    ),
    MetricQuery(
        "inodes",
        'max(kubelet_volume_stats_inodes_used{namespace="$namespace", persistentvolumeclaim="$claim"})'
        ' / max(kubelet_volume_stats_inodes{namespace="$namespace", persistentvolumeclaim="$claim"})',
        "Volume's inodes used",
        "ratio",
    ),
)
AUTOSCALER = (
    MetricQuery(
        "replicas",
        'max(kube_horizontalpodautoscaler_status_desired_replicas{namespace="$namespace",'
        ' horizontalpodautoscaler="$autoscaler"})',
        "Replicas wanted by the autoscaler",
    ),
)
EVERYTHING = (*AUTOSCALER, *CLAIM, *NODE, *WORKLOAD)
