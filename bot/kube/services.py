"""Services in front of pods and what stands behind each, by EndpointSlices. Pure.

A Service may have several slices, and an endpoint counts once a slice; a condition that isn't there means ready, as the
API says. It refuses to follow a Service without a selector: what stands behind it is somebody else's list.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.observed import ServiceSeen
from bot.kube.objects import Json, dig, mapping, matches, text

NAME_LABEL = "kubernetes.io/service-name"


def in_front_of(services: Sequence[Json], labels: Json) -> list[Json]:
    """The Services that select pods with these labels."""
    return [item for item in services if matches(mapping(item, "spec", "selector"), labels)]


def read_service(service: Json, slices: Sequence[Json]) -> ServiceSeen:
    """One row; ports as ``http 80 → 8080``."""
    name = text(service, "metadata", "name")
    own = [item for item in slices if text(item, "metadata", "labels", NAME_LABEL) == name]
    ready: set[tuple[str, ...]] = set()
    waiting: set[tuple[str, ...]] = set()
    for endpoint in (one for item in own for one in item.get("endpoints") or []):
        # IPv4 and IPv6 slices hold the same pod twice; its reference is the same.
        who = (text(endpoint, "targetRef", "uid") or ",".join(endpoint.get("addresses") or []),)
        (waiting if dig(endpoint, "conditions", "ready") is False else ready).add(who)
    return ServiceSeen(
        name=name,
        ready=len(ready),
        not_ready=len(waiting - ready),
        ports=tuple(_port(one) for one in dig(service, "spec", "ports") or []),
    )


def _port(port: Json) -> str:
    target = text(port, "targetPort")
    number = text(port, "port")
    shown = number if target in {"", number} else f"{number} → {target}"
    return f"{text(port, 'name')} {shown}".strip()
