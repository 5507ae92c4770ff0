"""The ingress controller: an Ingress of a class that it serves gets the address of its load balancer.

It refuses to serve requests: nothing listens at that address.
"""

from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.wire import dig
from bot.sandbox.kubernetes.world import World
from bot.sandbox.kubernetes.writes import Writing

CONTROLLER = "k8s.io/ingress-nginx"
ADDRESS = "203.0.113.10"
"""Of the range for documents: nobody has it."""
_BY = Writing("nginx-ingress-controller", subresource="status")


def publish(world: World) -> None:
    """Every Ingress of a class of this controller is told where it is reached."""
    classes = {
        one["metadata"]["name"]
        for one in world.store.list(by_kind("IngressClass"))
        if dig(one, "spec", "controller") == CONTROLLER
    }
    kind = by_kind("Ingress")
    for ingress in world.store.list(kind):
        if dig(ingress, "spec", "ingressClassName") in classes:
            world.writes.set_status(kind, ingress, {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}, _BY)
