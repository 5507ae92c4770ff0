"""What a sandbox's cluster has in it at the start: workloads with their services, and what usually stands around them.

It refuses to break anything.
"""

from collections.abc import Callable, Iterable, Mapping

from bot.sandbox.kubernetes import scenery
from bot.sandbox.kubernetes.cluster import Cluster

AGE = 6 * 3600.0
"""How old the workloads are at the start, in seconds: a fresh rollout would be the first suspect."""


def furnish(cluster: Cluster, workloads: Mapping[str, int], *, deadline: int, host: Callable[[str], str]) -> None:
    """Workloads (``namespace/name`` -> pods) that have run for hours; ``host`` says which registry has theirs."""
    cluster.clock.offset = -AGE
    for one in scenery.classes():
        cluster.apply(one)
    for place, pods in workloads.items():
        namespace, _, name = place.partition("/")
        image = f"{host(place)}/{namespace}/{name}:1.4.1"
        made = cluster.deployment(namespace, name, replicas=pods, image=image)
        spec = {**made["spec"], "progressDeadlineSeconds": deadline}
        cluster.apply({"kind": "Deployment", "metadata": made["metadata"], "spec": spec})
        cluster.service(namespace, name)
    _surround(cluster, workloads)
    cluster.advance(AGE)
    cluster.clock.offset = 0.0


def _surround(cluster: Cluster, workloads: Iterable[str]) -> None:
    """The shop's front door, and who may call the ledger."""
    there = set(workloads)
    paths = {
        path: place.partition("/")[2] for path, place in (("/", "shop/web"), ("/api", "shop/api")) if place in there
    }
    if paths:
        cluster.apply(scenery.ingress("shop", "shop", host="shop.example", paths=paths))
    if "pay/ledger" in there:
        cluster.apply(scenery.policy("pay", "ledger", callers="shop"))
