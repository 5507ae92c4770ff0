"""What holds a target back: disruption budgets, quotas, autoscalers, each read from its list as rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.domain.observed import AutoscalerSeen, BudgetSeen, QuotaSeen
from bot.kube.containers import read_conditions
from bot.kube.objects import Json, count, dig, mapping, selects, text
from bot.kube.quantity import quantity


def budgets_over(budgets: Sequence[Json], labels: Json) -> list[BudgetSeen]:
    """The budgets whose selector selects pods with these labels, the tightest first; no selector selects none."""
    own = [item for item in budgets if dig(item, "spec", "selector") is not None]
    found = [budget_row(item) for item in own if selects(dig(item, "spec", "selector"), labels)]
    return sorted(found, key=lambda row: (row.allowed, row.name))


def budget_row(item: Json) -> BudgetSeen:
    """One budget; its bound as ``minAvailable 50%``."""
    spec, status = mapping(item, "spec"), mapping(item, "status")
    words = [f"{key} {spec[key]}" for key in ("minAvailable", "maxUnavailable") if spec.get(key) is not None]
    return BudgetSeen(
        name=text(item, "metadata", "name"),
        bound=", ".join(words),
        allowed=count(status, "disruptionsAllowed"),
        healthy=count(status, "currentHealthy"),
        desired=count(status, "desiredHealthy"),
        expected=count(status, "expectedPods"),
    )


def quota_rows(quotas: Sequence[Json]) -> list[QuotaSeen]:
    """Every resource of every quota, the fullest first; what isn't a number is left out."""
    rows = [row for item in quotas for row in _quota(item)]
    return sorted(rows, key=lambda row: (-(row.used / row.hard if row.hard else 1.0), row.name, row.resource))


def _quota(item: Json) -> Iterator[QuotaSeen]:
    hard, used = mapping(item, "status", "hard") or mapping(item, "spec", "hard"), mapping(item, "status", "used")
    for resource, bound in hard.items():
        most, now = quantity(bound), quantity(used.get(resource, 0))
        if most is not None and now is not None:
            yield QuotaSeen(text(item, "metadata", "name"), str(resource), now, most)


def of_workload(kind: str, name: str, autoscalers: Sequence[Json]) -> list[Json]:
    """The autoscalers whose target is this workload."""
    refs = [(mapping(item, "spec", "scaleTargetRef"), item) for item in autoscalers]
    return [item for ref, item in refs if (ref.get("kind"), ref.get("name")) == (kind, name)]


def autoscaler_row(item: Json) -> AutoscalerSeen:
    """One autoscaler; metrics as "cpu 95 % of 80 %"."""
    spec, status = mapping(item, "spec"), mapping(item, "status")
    metrics = list(_metrics(spec, status))
    apart = [more for _, current, target in metrics if (more := _more(current, target)) is not None]
    least = spec.get("minReplicas")
    return AutoscalerSeen(
        name=text(item, "metadata", "name"),
        least=1 if least is None else int(least),
        most=count(spec, "maxReplicas"),
        current=count(status, "currentReplicas"),
        desired=count(status, "desiredReplicas"),
        metrics=tuple(
            f"{name} {_value(current) or 'not known'} of {_value(target) or 'not known'}"
            for name, current, target in metrics
        ),
        conditions=read_conditions(status),
        above=any(apart) if apart else None,
    )


def _metrics(spec: Json, status: Json) -> Iterator[tuple[str, Json, Json]]:
    """(name, value, target) of each metric, matched by name, as both lists may be in different order."""
    now = {_metric_name(one): one for one in status.get("currentMetrics") or []}
    for wanted in spec.get("metrics") or []:
        name = _metric_name(wanted)
        target = mapping(wanted, _field(wanted), "target")
        yield name, mapping(now.get(name, {}), _field(wanted), "current"), target


def _more(current: Json, target: Json) -> bool | None:
    """Whether the value is above the target, of what the target is given in; None where that isn't told."""
    given = next((key for key in ("averageUtilization", "averageValue", "value") if target.get(key) is not None), "")
    value, bound = quantity(current.get(given)), quantity(target.get(given))
    return None if value is None or bound is None else value > bound


def _field(metric: Json) -> str:
    """``Resource`` holds its values under ``resource``, ``ContainerResource`` under ``containerResource``."""
    kind = text(metric, "type")
    return kind[:1].lower() + kind[1:]


def _metric_name(metric: Json) -> str:
    inner = mapping(metric, _field(metric))
    return text(inner, "name") or text(inner, "metric", "name") or text(metric, "type")


def _value(value: Json) -> str:
    if value.get("averageUtilization") is not None:
        return f"{value['averageUtilization']} %"
    return text(value, "averageValue") or text(value, "value")
