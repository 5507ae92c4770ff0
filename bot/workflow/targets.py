"""Workloads by what people type or pick: cached lists for pickers, one reading for a typed name.

Pickers have a 2 s deadline (Slack gives 3 s in all); what can't be read in time answers from the cache or not at
all. It refuses to guess between kinds: two workloads of one name are named both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import FettleError, NotFoundError
from bot.domain.target import CLUSTER_WIDE, KIND_ALIASES, RESTARTABLE, Target
from bot.kube import reads, things
from bot.workflow.context import Context

DEADLINE = 2.0
FRESH = 30.0
"""Seconds that a list of workloads serves pickers."""


@dataclass(frozen=True)
class Found:
    """``target`` or the sentence why there is none."""

    target: Target | None
    problem: str = ""


class TargetLists:
    """The cached lists behind the pickers; one for each process."""

    def __init__(self) -> None:
        self._lists: dict[str, tuple[float, list[Target]]] = {}

    async def workloads(self, ctx: Context, namespace: str, query: str) -> list[Target]:
        """Restartable workloads of a namespace whose name contains ``query``, at most 100."""
        try:
            known = await asyncio.wait_for(self._list(ctx, namespace), DEADLINE)
        except (TimeoutError, FettleError):
            known = self._lists.get(namespace, (0.0, []))[1]
        needle = query.strip().lower()
        return [target for target in known if needle in target.name.lower()][:100]

    async def namespaces(self, ctx: Context) -> list[str]:
        """The allowed namespaces; without any, those that can be listed (to look, not to act)."""
        if ctx.settings.ALLOWED_NAMESPACES:
            return sorted(ctx.settings.ALLOWED_NAMESPACES)
        try:
            return list(await asyncio.wait_for(reads.namespaces(ctx.cluster), DEADLINE))
        except (TimeoutError, FettleError):
            return []

    async def _list(self, ctx: Context, namespace: str) -> list[Target]:
        at, known = self._lists.get(namespace, (0.0, []))
        if known and time.monotonic() - at < FRESH:
            return known
        known = list(await reads.list_workloads(ctx.cluster, namespace))
        self._lists[namespace] = (time.monotonic(), known)
        return known


async def find(ctx: Context, text: str, kinds: Sequence[str] = RESTARTABLE) -> Found:
    """``shop/api``, ``deployment/api -n shop``, ``Deployment/shop/api``: the one thing of ``kinds`` that is meant.

    A node is named alone (``worker-3``, ``node/worker-3``).
    """
    if set(kinds) <= CLUSTER_WIDE:
        return _node(text, kinds[0])
    namespace, kind, name = parse(text)
    if not namespace or not name:
        return Found(None, f"“{text}” names no workload. Write namespace/name, for example shop/api.")
    if kind and kind not in kinds:
        return Found(None, f"A {kind} doesn't fit here; only {', '.join(kinds)}.")
    if kind:
        return Found(Target(kind, namespace, name))
    if not set(kinds) & set(RESTARTABLE):
        return await _thing(ctx, namespace, name, kinds)
    try:
        known = await reads.list_workloads(ctx.cluster, namespace)
    except FettleError as error:
        return Found(None, str(error))
    hits = [target for target in known if target.name == name]
    if len(hits) == 1:
        return Found(hits[0])
    if hits:
        both = " or ".join(f"{target.kind.lower()}/{target.name} -n {namespace}" for target in hits)
        return Found(None, f"{namespace}/{name} is {len(hits)} workloads. Say which: {both}.")
    said = f"There is no workload {namespace}/{name}."
    if not known:
        # An API server answers an empty list for a namespace that doesn't exist too.
        return Found(None, f"{said} I see none at all in {namespace}: perhaps there is no such namespace.")
    return Found(None, f"{said} In {namespace} there are: {', '.join(target.ref for target in known[:5])}.")


def _node(text: str, kind: str) -> Found:
    words = text.replace("/", " ").split()
    if len(words) == 2 and KIND_ALIASES.get(words[0].lower()) == kind:
        del words[0]
    if len(words) != 1:
        return Found(None, f"“{text}” names no {kind.lower()}. Write its name alone, for example worker-3.")
    return Found(Target(kind, "", words[0]))


async def _thing(ctx: Context, namespace: str, name: str, kinds: Sequence[str]) -> Found:
    """The one object of that name among kinds that aren't workloads, each asked for by name."""
    hits: list[Target] = []
    for kind in kinds:
        target = Target(kind, namespace, name)
        try:
            await things.one(ctx.cluster, target)
        except NotFoundError:
            continue
        except FettleError as error:
            return Found(None, str(error))
        hits.append(target)
    if len(hits) == 1:
        return Found(hits[0])
    if hits:
        both = " or ".join(f"{target.kind.lower()}/{target.name} -n {namespace}" for target in hits)
        return Found(None, f"{namespace}/{name} is {len(hits)} things. Say which: {both}.")
    return Found(None, f"There is no {' or '.join(kinds)} {namespace}/{name}.")


def parse(text: str) -> tuple[str, str, str]:
    """(namespace, kind or empty, name) of what was typed; empty strings for what is missing."""
    words = text.split()
    namespace = ""
    if "-n" in words[:-1]:
        at = words.index("-n")
        namespace = words[at + 1]
        del words[at : at + 2]
    if len(words) == 2 and words[0].lower() in KIND_ALIASES:
        words = [f"{words[0]}/{words[1]}"]
    if len(words) != 1:
        return namespace, "", ""
    parts = words[0].split("/")
    if len(parts) == 3:
        kind = KIND_ALIASES.get(parts[0].lower(), parts[0])
        return parts[1], kind, parts[2]
    if len(parts) == 2 and parts[0].lower() in KIND_ALIASES and namespace:
        return namespace, KIND_ALIASES[parts[0].lower()], parts[1]
    if len(parts) == 2:
        return parts[0], "", parts[1]
    return namespace, "", parts[0] if namespace else ""
