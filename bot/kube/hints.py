"""What the labels of one alert say about its target, with the traps of exporters: pure, and nothing is looked up.

An exporter's alert carries the exporter's own ``pod``, ``service`` and ``instance``, and with some setups its own
``node``; ``job`` is always the scrape job. It refuses to derive a workload from a pod's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.alert import EXPORTER_MARKS, from_exporter, named_workload
from bot.domain.target import KIND_ALIASES, RESTARTABLE

NODE_EXPORTER = "node-exporter"
_TYPED = (("workload", "workload_type"), ("owner_name", "owner_kind"), ("created_by_name", "created_by_kind"))
"""Pairs of labels that recording rules and kube-state-metrics use for the workload of a pod."""


def pod_label(labels: Mapping[str, str]) -> str:
    """The pod that an alert is about, empty if it names none but the exporter's own.

    kube-state-metrics' alerts about pods keep the real pod in ``pod``; alerts about workloads carry the exporter's.
    The exporter's is known by its name.
    """
    name = labels.get("exported_pod") or labels.get("pod") or labels.get("pod_name") or ""
    own = from_exporter(labels) and any(mark in name for mark in EXPORTER_MARKS)
    return "" if own else name


def service_label(labels: Mapping[str, str]) -> str:
    """The Service that an alert is about, empty if that is an exporter's."""
    if labels.get("exported_service"):
        return labels["exported_service"]
    return "" if from_exporter(labels) else labels.get("service", "")


def namespace_label(labels: Mapping[str, str]) -> str:
    """The namespace, the exported one first (Prometheus renames it so without honorLabels)."""
    return labels.get("exported_namespace") or labels.get("namespace") or ""


def workload_hint(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """(kind, name) of the workload that the labels name; a node doesn't count where there is a pod on it."""
    named = named_workload(labels)
    if named is not None and named[0] != "Node":
        return named
    for name, kind in _TYPED:
        known = KIND_ALIASES.get(labels.get(kind, "").lower())
        if known in RESTARTABLE and labels.get(name):
            return known, labels[name]
    return None


def node_label(labels: Mapping[str, str]) -> str:
    """The node that an alert is about; empty where it only says on which node a pod runs."""
    name = labels.get("exported_node") or labels.get("node") or labels.get("nodename") or ""
    return "" if pod_label(labels) else name


def node_exporter_pod(labels: Mapping[str, str]) -> str:
    """The pod of the node exporter that measured, whose node is the one that is meant; empty for other alerts."""
    marks = (labels.get("job", ""), labels.get("service", ""))
    pod = labels.get("pod", "")
    return pod if any(NODE_EXPORTER in mark for mark in marks) and NODE_EXPORTER in pod else ""


def host_label(labels: Mapping[str, str]) -> str:
    """The host in a node exporter's ``instance``, if it is a name and no address."""
    if NODE_EXPORTER not in labels.get("job", ""):
        return ""
    host = labels.get("instance", "").rpartition(":")[0] or labels.get("instance", "")
    return host if any(letter.isalpha() for letter in host) and ":" not in host else ""
