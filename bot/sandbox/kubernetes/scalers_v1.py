"""Autoscalers in the words of autoscaling/v1, which older kubectls write: one target, the processor's use.

They are kept as those of v2. It refuses to change one in v1: that is patched as what it is kept as.
"""

from bot.sandbox.kubernetes.wire import Json, clone, dig

_TARGET = "targetCPUUtilizationPercentage"
_NOW = "currentCPUUtilizationPercentage"


def _cpu(metric: Json) -> bool:
    return metric.get("type") == "Resource" and dig(metric, "resource", "name") == "cpu"


def as_v1(obj: Json) -> Json:
    """How v1 tells it: other metrics than the processor's use aren't told."""
    told: Json = clone(obj) | {"apiVersion": "autoscaling/v1"}
    spec, status = told["spec"], told.get("status") or {}
    wanted = [one for one in spec.pop("metrics", None) or () if _cpu(one)]
    spec.pop("behavior", None)
    if wanted:
        spec[_TARGET] = dig(wanted[0], "resource", "target", "averageUtilization")
    seen = [one for one in status.pop("currentMetrics", None) or () if _cpu(one)]
    status.pop("conditions", None)
    if seen:
        status[_NOW] = dig(seen[0], "resource", "current", "averageUtilization")
    return told


def from_v1(obj: Json) -> Json:
    """As it is kept."""
    kept: Json = clone(obj) | {"apiVersion": "autoscaling/v2"}
    wanted = dig(kept, "spec", default={}).pop(_TARGET, None)
    if wanted is not None:
        target = {"type": "Utilization", "averageUtilization": wanted}
        kept["spec"]["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return kept
