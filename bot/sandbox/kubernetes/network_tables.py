"""Tables of what leads to services from outside, and of who may talk to whom, as the real server prints them."""

from typing import Any

from bot.sandbox.kubernetes.columns import AGE, NAME, Tables, since, texts
from bot.sandbox.kubernetes.selectors import written
from bot.sandbox.kubernetes.wire import Json, dig

_NONE = "<none>"
_MOST = 3
"""Hosts that are named; the others are counted."""


def _hosts(rules: list[Json]) -> str:
    hosts = [one["host"] for one in rules if one.get("host")]
    left = len(hosts) - _MOST
    return (",".join(hosts[:_MOST]) + (f" + {left} more..." if left > 0 else "")) or "*"


def _ingress(obj: Json, now: float) -> list[Any]:
    spec = obj["spec"]
    points = dig(obj, "status", "loadBalancer", "ingress", default=[])
    addresses = sorted({one.get("ip") or one.get("hostname", "") for one in points})
    head = [obj["metadata"]["name"], spec.get("ingressClassName") or _NONE, _hosts(spec.get("rules") or [])]
    return [*head, ",".join(addresses), "80, 443" if spec.get("tls") else "80", since(obj, now)]


def _class(obj: Json, now: float) -> list[Any]:
    spec = obj["spec"]
    by = spec.get("parameters")
    parameters = _NONE
    if by:
        group = f".{by['apiGroup']}" if by.get("apiGroup") else ""
        parameters = f"{by['kind']}{group}/{by['name']}"
    return [obj["metadata"]["name"], spec.get("controller", ""), parameters, since(obj, now)]


def _policy(obj: Json, now: float) -> list[Any]:
    return [obj["metadata"]["name"], written(dig(obj, "spec", "podSelector")) or _NONE, since(obj, now)]


NETWORK: Tables = {
    "Ingress": ((NAME, *texts("Class", "Hosts", "Address", "Ports"), AGE), _ingress),
    "IngressClass": ((NAME, *texts("Controller", "Parameters"), AGE), _class),
    "NetworkPolicy": ((NAME, *texts("Pod-Selector"), AGE), _policy),
}
