"""What outside systems say while a verification runs: numbers that a playbook asked for, and the alerts' own rules.

These are supporting checks: they can spoil a verdict, and alone they never make one. It holds words and numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ThanBefore(StrEnum):
    """How a number has to compare with the one before the action."""

    BETTER = "better"
    NO_WORSE = "no_worse"


@dataclass(frozen=True)
class MetricCheck:
    """One number to be judged after an action, as it was planned when the mitigation was proposed.

    ``source`` is ``loki`` for a LogQL query, empty for Prometheus.

    ``expr`` has places yet to be filled; ``unit`` as in ``MetricQuery``. Lower is better unless ``above`` is given.
    ``settle`` is in seconds, from the end of the rollout to the first sample that counts: a rate over five minutes
    looks back that far. ``samples`` good ones in a row are needed. ``traffic`` is an expression for requests a second;
    below ``min_traffic`` a share of failed ones says nothing. ``before`` is the value before the action, None where it
    wasn't measured.
    """

    name: str
    expr: str
    title: str = ""
    unit: str = ""
    below: float | None = None
    above: float | None = None
    than_before: str = ""
    samples: int = 3
    settle: int = 300
    traffic: str = ""
    min_traffic: float | None = None
    before: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Sample:
    """One answer to one check; ``value`` None with the sentence why not. ``traffic`` in requests a second."""

    value: float | None = None
    traffic: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class AlertsNow:
    """What Prometheus' rules say of the incident's alerts at one moment.

    ``firing`` of ``total`` are active; ``missing`` are names without a rule there. ``evaluated_at`` is the oldest time
    at which one of the rules was last evaluated, None when it wasn't told. ``problem`` is a sentence when Prometheus
    didn't answer or a rule fails.
    """

    firing: int = 0
    total: int = 0
    missing: tuple[str, ...] = ()
    evaluated_at: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Supporting:
    """All of it for one look.

    ``samples`` is by check's name and holds those that were due; ``alerts`` is None where no Prometheus is configured
    or the incident has no alerts.
    """

    samples: Mapping[str, Sample] = field(default_factory=dict)
    alerts: AlertsNow | None = None
