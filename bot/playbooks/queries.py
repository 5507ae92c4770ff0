"""What playbooks ask Prometheus and Loki: queries by name that any playbook may use, and the form of a playbook's own.

Each is a ``MetricQuery`` with places (``$namespace``) inside quoted matchers. The names are what findings ask for. It
refuses to fill anything in; ``integrations`` does that, quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.query import MetricQuery

_PODS = 'namespace="$namespace", pod=~"$pods"'
_CONTAINERS = f'{_PODS}, container!="", container!="POD"'
_LATER = timedelta(hours=6)


def _query(name: str, title: str, unit: str, expr: str, window: timedelta = timedelta(hours=1)) -> MetricQuery:
    return MetricQuery(name, expr, title, unit, window)


STANDARD: Mapping[str, MetricQuery] = {
    query.name: query
    for query in (
        _query("alert", "The alert's own expression", "", "alert"),
        _query(
            "cpu", "CPU", "cores",
            f"sum by (pod, container) (rate(container_cpu_usage_seconds_total{{{_CONTAINERS}}}[5m]))",
        ),
        _query(
            "memory", "Memory", "bytes",
            f"max by (pod, container) (container_memory_working_set_bytes{{{_CONTAINERS}}})",
        ),
        _query(
            "restarts", "Restarts", "",
            f"max by (pod, container) (kube_pod_container_status_restarts_total{{{_PODS}}})",
        ),
        _query(
            "throttling", "CPU throttling", "ratio",
            f"sum by (pod, container) (increase(container_cpu_cfs_throttled_periods_total{{{_CONTAINERS}}}[5m])) / "
            f"sum by (pod, container) (increase(container_cpu_cfs_periods_total{{{_CONTAINERS}}}[5m]))",
        ),
        _query(
            "traffic", "Requests", "per_second", f"sum(rate(http_requests_total{{{_PODS}}}[5m]))",
        ),
        _query(
            "errors", "Failing requests", "ratio",
            f'sum(rate(http_requests_total{{{_PODS}, code=~"5.."}}[5m])) / '
            f"sum(rate(http_requests_total{{{_PODS}}}[5m]))",
        ),
        _query(
            "latency", "Latency, 99th percentile", "seconds",
            f"histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{{{_PODS}}}[5m])))",
        ),
        _query("up", "Scrapes that succeed", "", 'up{job="$label_job", namespace="$namespace"}'),
        _query(
            "volume_used", "Volume in use", "ratio",
            'kubelet_volume_stats_used_bytes{namespace="$namespace", persistentvolumeclaim="$claim"} / '
            'kubelet_volume_stats_capacity_bytes{namespace="$namespace", persistentvolumeclaim="$claim"}', _LATER,
        ),
        _query(
            "node_memory", "Node memory in use", "ratio",
            '1 - node_memory_MemAvailable_bytes{instance="$label_instance"} / '
            'node_memory_MemTotal_bytes{instance="$label_instance"}', _LATER,
        ),
        _query(
            "node_cpu", "Node CPU in use", "ratio",
            '1 - avg(rate(node_cpu_seconds_total{instance="$label_instance", mode="idle"}[5m]))', _LATER,
        ),
        _query(
            "node_disk", "Filesystem in use", "ratio",
            '1 - node_filesystem_avail_bytes{instance="$label_instance", mountpoint="$label_mountpoint"} / '
            'node_filesystem_size_bytes{instance="$label_instance", mountpoint="$label_mountpoint"}', _LATER,
        ),
    )
}  # fmt: skip
"""Query by name; ``errors``, ``latency`` and ``traffic`` go by the metric names that most clients give."""
