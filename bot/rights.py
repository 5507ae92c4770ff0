"""Which rights Fettle needs, which of them it lacks, and which it has beyond: those only help who steals its token.

``NEEDED`` follows from what is read, what it takes to act from the catalog; a test holds the shipped roles equal to
both. It refuses to change what anybody may do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import product

from bot.domain.mitigation import TRAITS, Action
from bot.domain.target import CLUSTER_WIDE
from bot.kube import reads, reviews
from bot.kube.client import Cluster
from bot.kube.objects import READ_RIGHTS
from bot.kube.rights import Grant
from bot.mitigations import catalog

Right = tuple[str, str, str]
"""Verb, API group, resource (``pods`` or ``pods/exec``)."""

LOOK = ("get", "list", "watch")
NEEDED: frozenset[Right] = READ_RIGHTS
"""What it takes to look: every kind that is read, everywhere."""
OPTIONAL: frozenset[Right] = frozenset(
    {("get", "", "pods/log"), ("get", "", "configmaps"), ("watch", "", "configmaps")}
)
"""What of it may be left out (``deploy/rbac.yaml``): a card then goes without those lines."""

EVERYBODYS = frozenset(
    {
        ("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
        ("create", "authorization.k8s.io", "selfsubjectrulesreviews"),
        ("create", "authentication.k8s.io", "selfsubjectreviews"),
    }
)
"""What every account may do: ask about itself."""

REVIEW: frozenset[Right] = frozenset({reviews.RIGHT})
"""What it takes to ask about other people, where REQUIRE_RBAC wants that."""

OPEN_A_DOOR = frozenset({"exec", "attach", "portforward", "proxy", "token", "ephemeralcontainers"})
"""Subresources that let into a pod, a node or another account, whatever the verb."""

TOO_MUCH: tuple[Right, ...] = (
    ("*", "*", "*"),
    ("get", "", "secrets"),
    ("list", "", "secrets"),
    ("create", "", "pods"),
    ("delete", "", "pods"),
    ("create", "", "pods/exec"),
    ("get", "", "pods/exec"),
    ("create", "", "pods/attach"),
    ("create", "", "pods/portforward"),
    ("create", "", "serviceaccounts/token"),
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
    ("impersonate", "", "serviceaccounts"),
    ("patch", "", "nodes"),
    ("get", "", "nodes/proxy"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("create", "apps", "deployments"),
    ("update", "apps", "deployments"),
    ("delete", "apps", "deployments"),
    ("create", "apps", "daemonsets"),
    ("create", "batch", "jobs"),
)
"""The worst, asked one by one where an API server can't list all rights."""


def needed_to_act(actions: Iterable[Action]) -> frozenset[Right]:
    """What the actions take in a namespace where they are allowed."""
    return frozenset(
        right for action in actions for rights in catalog.CATALOG[action].rights.values() for right in rights
    )


def everywhere(actions: Iterable[Action]) -> frozenset[Right]:
    """What the actions take on kinds that lie in no namespace: it holds wherever one looks."""
    return frozenset(
        right
        for action in actions
        for kind, rights in catalog.CATALOG[action].rights.items()
        if kind in CLUSTER_WIDE
        for right in rights
    )


def excess(grants: Iterable[Grant], needed: frozenset[Right]) -> frozenset[Right]:
    """Every right that is granted and never used; a wildcard stays one, because it says it best."""
    held = (right for grant in grants for right in product(grant.verbs, grant.groups, grant.resources))
    return frozenset(held) - needed - EVERYBODYS


def grave(right: Right) -> bool:
    """Whether it could read what is secret or change anything; to read more than needed is not."""
    verb, _, resource = right
    if verb not in LOOK or resource == "*":
        return True
    name, _, sub = resource.partition("/")
    return name == "secrets" or sub in OPEN_A_DOOR


async def missing(cluster: Cluster, namespaces: Sequence[str], actions: Iterable[Action]) -> list[tuple[str, bool]]:
    """A sentence for each lack, and whether nothing works without it; raises if the cluster doesn't answer."""
    nowhere = await lacking(cluster, NEEDED - OPTIONAL, "")
    said: list[tuple[str, bool]] = []
    apply = "Apply deploy/rbac.yaml, which binds fettle-read for the whole cluster."
    if nowhere:
        here = [await lacking(cluster, NEEDED - OPTIONAL, name) for name in namespaces]
        if here and not any(here):
            text = f"May read in {', '.join(namespaces)} alone: alerts about other namespaces get no evidence. {apply}"
            said.append((text, False))
        else:
            said.append((f"May not {words(nowhere)} in every namespace. {apply}", True))
    optional = await lacking(cluster, OPTIONAL, "")
    if optional:
        text = f"May not {words(optional)}: cards go without what that tells. It is optional in deploy/rbac.yaml."
        said.append((text, False))
    by_role: dict[str, list[Action]] = {}
    for action in actions:
        by_role.setdefault(TRAITS[action].role, []).append(action)
    for role in [role for role, granted in by_role.items() if everywhere(granted)]:
        said += await _lacks(cluster, "", role, by_role.pop(role))
    for name in namespaces:
        for role, granted in by_role.items():
            said += await _lacks(cluster, name, role, granted)
    return said


async def _lacks(cluster: Cluster, namespace: str, role: str, granted: Sequence[Action]) -> list[tuple[str, bool]]:
    """A sentence where the account lacks what these actions take in a namespace, or for "" in the whole cluster."""
    lacks = await lacking(cluster, needed_to_act(granted), namespace)
    if not lacks:
        return []
    file = f"deploy/bind-{role.removeprefix('fettle-')}.yaml"
    bind = (
        f"Bind the role there: kubectl apply -n {namespace} -f {file}."
        if namespace
        else f"Bind the role: kubectl apply -f {file}."
    )
    *most, last = sorted(str(one) for one in granted if needed_to_act([one]) & set(lacks))
    what = f"{', '.join(most)} and {last}" if most else last
    where = f" in {namespace}" if namespace else ""
    return [(f"May not {what}{where}: it lacks {words(lacks)}. {bind}", False)]


async def lacking(cluster: Cluster, needed: Iterable[Right], namespace: str) -> list[Right]:
    """Those of ``needed`` that the account doesn't have in a namespace, or, for "", in all of them."""
    asked = sorted(needed)
    held = await asyncio.gather(*(reads.may(cluster, right, namespace) for right in asked))
    return [right for right, holds in zip(asked, held, strict=True) if not holds]


def words(rights: Iterable[Right], most: int = 6) -> str:
    """``get, list secrets; create pods/exec; ... and 4 more``, the gravest first, ``most`` resources in all."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for verb, group, resource in sorted(rights, key=lambda right: (right[2] != "*", right[2] != "secrets", right)):
        verbs.setdefault((group, resource), []).append(verb)
    alike: dict[str, list[str]] = {}
    for (group, resource), of in list(verbs.items())[:most]:
        alike.setdefault("do anything with" if "*" in of else ", ".join(of), []).append(_named(group, resource))
    more = f"; and {len(verbs) - most} more" if len(verbs) > most else ""
    return "; ".join(f"{what} {', '.join(resources)}" for what, resources in alike.items()) + more


def _named(group: str, resource: str) -> str:
    name = "everything" if resource == "*" else resource
    return f"{name} of {group}" if resource == "*" and group not in {"*", ""} else name
