"""One object or the selected ones, in whichever way costs the API server less.

Alone, a target is asked for by name and its parts by selector. Where several targets of one namespace are looked at
together (a storm), each list of the whole namespace is asked for once and filtered here: three lists instead of three
for each target. It is never done in the fast lane. It refuses to decide who is looked at.
"""

from __future__ import annotations

from typing import Any

from bot.domain.errors import NotFoundError
from bot.kube.client import PAGE, Cluster
from bot.kube.objects import Json, count, dig, mapping, path, selector_text, selects, text

LISTED_TOGETHER = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})


async def one(cluster: Cluster, kind: str, namespace: str, name: str) -> Json:
    """One object by name; raises ``NotFoundError``."""
    if kind in LISTED_TOGETHER and cluster.crowded(namespace):
        listed = await _whole(cluster, kind, namespace)
        if listed is not None:
            found = next((item for item in listed if text(item, "metadata", "name") == name), None)
            if found is None:
                raise NotFoundError(f'The cluster doesn\'t have it: {kind} "{name}" in {namespace}.')
            return found
    return await cluster.get(path(kind, namespace, name))


async def selected(cluster: Cluster, kind: str, namespace: str, selector: Any) -> list[Json]:
    """The objects that a label selector selects; an empty selector selects nothing here, never everything."""
    written = selector_text(selector)
    if not written:
        return []
    if cluster.crowded(namespace):
        listed = await _whole(cluster, kind, namespace)
        if listed is not None:
            return [item for item in listed if selects(selector, mapping(item, "metadata", "labels"))]
    return await cluster.items(path(kind, namespace), {"labelSelector": written})


async def _whole(cluster: Cluster, kind: str, namespace: str) -> list[Json] | None:
    """The whole namespace; None when that is more pages than there are targets, so that asking for each is cheaper."""
    where, query = path(kind, namespace), {"limit": str(PAGE)}
    page = await cluster.get(where, query)
    if 1 + count(page, "metadata", "remainingItemCount") // PAGE > cluster.shared.crowd(namespace):
        return None
    found: list[Json] = list(page.get("items") or [])
    while token := text(dig(page, "metadata", "continue")):
        page = await cluster.get(where, {**query, "continue": token})
        found += page.get("items") or []
    return found
