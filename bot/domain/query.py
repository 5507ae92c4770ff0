"""What a playbook asks of Prometheus or Loki: an expression with named places, filled in by one quoting builder.

A place is written ``$namespace`` inside a quoted matcher (``namespace="$namespace"``) and holds text alone: label
values come from alerts, so they are hostile. This module refuses to fill anything in; ``integrations`` does, quoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

PLACES = (
    "namespace", "workload", "kind", "pod", "pods", "container", "node", "service", "claim", "claims", "job",
    "autoscaler",
)  # fmt: skip
"""The places that are filled from the target and what was observed. ``$pods`` is a regular expression that matches the
target's pods, for ``=~``; besides there is ``$label_NAME`` for a label of the alert, exactly as it came."""


@dataclass(frozen=True)
class MetricQuery:
    """One query of Prometheus.

    ``name`` is what findings ask for (``memory``); ``unit`` cores, bytes, seconds, ratio, per_second or empty;
    ``window`` how far back a range goes (zero: an instant value alone). ``alert`` as ``expr`` stands for the alert's
    own expression.
    """

    name: str
    expr: str
    title: str = ""
    unit: str = ""
    window: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class LogQuery:
    """One query of Loki: a stream selector with places, and the line filter that makes a line an error."""

    selector: str = '{namespace="$namespace", pod=~"$pods"}'
    error: str = "(?i)(error|exception|fatal|panic|traceback)"
