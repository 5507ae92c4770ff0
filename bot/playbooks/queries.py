"""Queries that any playbook may name, beside those that the collector of metrics asks of itself for every workload.

Each is a ``MetricQuery`` with places (``$label_instance``) inside quoted matchers; the names are what findings ask for.
It refuses to fill anything in; ``integrations`` does that, quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.query import MetricQuery

_NODE = 'instance="$label_instance"'
_DISK = f'{_NODE}, mountpoint="$label_mountpoint"'
_LATER = timedelta(hours=6)

STANDARD: Mapping[str, MetricQuery] = {
    query.name: query
    for query in (
        MetricQuery("up", 'up{job="$label_job", namespace="$namespace"}', "Scrapes that succeed"),
        MetricQuery(
            "node_memory",
            f"1 - node_memory_MemAvailable_bytes{{{_NODE}}} / node_memory_MemTotal_bytes{{{_NODE}}}",
            "Node memory in use", "ratio", _LATER,
        ),
        MetricQuery(
            "node_cpu",
            f'1 - avg(rate(node_cpu_seconds_total{{{_NODE}, mode="idle"}}[5m]))',
            "Node CPU in use", "ratio", _LATER,
        ),
        MetricQuery(
            "node_disk",
            f"1 - node_filesystem_avail_bytes{{{_DISK}}} / node_filesystem_size_bytes{{{_DISK}}}",
            "Filesystem in use", "ratio", _LATER,
        ),
        MetricQuery(
            "node_inodes",
            f"1 - node_filesystem_files_free{{{_DISK}}} / node_filesystem_files{{{_DISK}}}",
            "Filesystem's inodes in use", "ratio", _LATER,
        ),
    )
}  # fmt: skip
"""Query by name. ``up`` is of the scrape job that the alert names; the node's are node-exporter's."""
