"""The APIServices: which group and version this server answers itself, and for which another one does.

They are what somebody looks at when `kubectl top` fails. It refuses to hand any request on.
"""

from bot.sandbox.kubernetes.clock import stamp
from bot.sandbox.kubernetes.kinds import GROUP_VERSIONS, METRICS, by_kind
from bot.sandbox.kubernetes.metrics import SERVER, Metrics
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World

PLACE = "kube-system"
LOCAL = ("True", "Local", "Local APIServices are always available")
PASSED = ("True", "Passed", "all checks passed")
GONE = (
    "False",
    "FailedDiscoveryCheck",
    "failing or missing response from the metrics API: bad status from the discovery check: 503",
)


def services() -> list[Json]:
    """One for each group and version that is served."""
    return [_service(group, version) for group, version in GROUP_VERSIONS]


def _service(group: str, version: str) -> Json:
    spec: Json = {"version": version, "groupPriorityMinimum": 17_500, "versionPriority": 15}
    if not group:
        spec["groupPriorityMinimum"] = 18_000
    else:
        spec["group"] = group
    if group == METRICS:
        other = {"namespace": PLACE, "name": SERVER, "port": 443}
        spec |= {"service": other, "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100, "versionPriority": 100}
    name = f"{version}.{group}"
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": spec}


def check(world: World) -> None:
    """Whether each of them answers, as its condition says."""
    kind = by_kind("APIService")
    for one in world.store.list(kind):
        told = LOCAL
        if dig(one, "spec", "group") == METRICS:
            told = PASSED if Metrics(world).answers else GONE
        says = dict(zip(("status", "reason", "message"), told, strict=True))
        old: Json = next(iter(dig(one, "status", "conditions", default=[])), {})
        since = old["lastTransitionTime"] if old.get("status") == told[0] else stamp(world.clock.now())
        condition = {"type": "Available", **says, "lastTransitionTime": since}
        world.writes.set_status(kind, one, {"conditions": [condition]})
