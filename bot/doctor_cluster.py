"""What ``fettle doctor`` asks the cluster: does it answer, what may Fettle do there, is that too little or too much."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence

from bot import clock, rights
from bot.doctor_slack import skew
from bot.doctor_table import Row, fail, ok, warn
from bot.domain.errors import ConfigError, FettleError, UnavailableError
from bot.domain.mitigation import Action, on_cluster
from bot.kube import errors as kube_errors
from bot.kube import reads
from bot.kube import rights as kube_rights
from bot.kube.client import Cluster
from bot.settings import Settings
from bot.settings_values import is_person
from bot.standing import cluster_away

MOST_NAMESPACES = 50
"""So many namespaces are looked at for rights that shouldn't be there, besides the allowed ones."""
AT_ONCE = 8


async def rows(settings: Settings) -> list[Row]:
    """All rows about the cluster."""
    try:
        cluster = await Cluster.connect(
            settings.KUBECONFIG or None, settings.KUBE_CONTEXT or None, settings.KUBE_TIMEOUT.total_seconds(),
            "fettle-doctor",
        )  # fmt: skip
    except ConfigError as error:
        return [fail("cluster", sentence) for sentence in error.sentences]
    try:
        identity = await cluster.identity()
        date, at = await cluster.date(), clock.now()
        found = [ok("cluster", f"{identity.server} answers, version {identity.version}.")]
        if date is not None:
            found.append(skew("the cluster's", (at - date).total_seconds()))
        return found + await _rights(cluster, settings)
    except ConfigError as error:
        return [fail("cluster", sentence) for sentence in error.sentences]
    except UnavailableError as error:
        return [fail("cluster", f"{error} {cluster_away(cluster.server)}")]
    except FettleError as error:
        return [fail("cluster", f"{cluster.server}: {error}")]
    finally:
        await cluster.close()


async def _rights(cluster: Cluster, settings: Settings) -> list[Row]:
    allowed = settings.ALLOWED_NAMESPACES
    missing = await rights.missing(cluster, allowed, on_cluster(settings.ALLOWED_ACTIONS))
    found = [fail("rights", sentence) if grave else warn("rights", sentence) for sentence, grave in missing]
    found += await _about_others(cluster, settings)
    if not any(grave for _, grave in missing):
        found.insert(0, ok("rights", "May read what it needs."))
    try:
        there = await reads.namespaces(cluster)
    except FettleError:
        there = ()  # the missing right is told above
    found += [_unknown(name, there) for name in allowed if there and name not in there]
    others = [name for name in there if name not in allowed][:MOST_NAMESPACES]
    return found + await _too_much(cluster, settings, [*allowed, *others] or ["default"])


async def _about_others(cluster: Cluster, settings: Settings) -> list[Row]:
    """Whether people's own rights can be asked, and whom of the approvers nobody maps; nothing without REQUIRE_RBAC."""
    if not settings.REQUIRE_RBAC:
        return []
    found = []
    if await rights.lacking(cluster, rights.REVIEW, ""):
        told = "May not create subjectaccessreviews, which REQUIRE_RBAC takes: every approval is refused."
        found.append(fail("REQUIRE_RBAC", f"{told} Bind the role: kubectl apply -f deploy/bind-review.yaml."))
    named = [one for one in (*settings.APPROVERS, *settings.POLICY.approvers) if is_person(one)]
    strangers = [one for one in dict.fromkeys(named) if one not in settings.CLUSTER_USERS]
    if not settings.CLUSTER_USERS:
        told = "CLUSTER_USERS names nobody: every approval is refused. Say who people are to the cluster."
        found.append(fail("REQUIRE_RBAC", told))
    elif strangers and not settings.wants_emails:
        told = f"CLUSTER_USERS doesn't name {', '.join(strangers[:5])}: what they approve is refused."
        found.append(warn("REQUIRE_RBAC", told))
    return found or [ok("REQUIRE_RBAC", "May ask what people may do themselves.")]


def _unknown(name: str, there: Sequence[str]) -> Row:
    near = difflib.get_close_matches(name, there, n=1)
    advice = f"Did you mean {near[0]}?" if near else "Take it out, or make it."
    return warn("namespaces", f"ALLOWED_NAMESPACES names {name}, and the cluster has no such namespace. {advice}")


async def _too_much(cluster: Cluster, settings: Settings, namespaces: Sequence[str]) -> list[Row]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def rules(name: str) -> kube_rights.Rules:
        async with limit:
            return await kube_rights.rules(cluster, name)

    told = dict(zip(namespaces, await asyncio.gather(*(rules(name) for name in namespaces)), strict=True))
    needed = rights.needed_to_act(on_cluster(settings.ALLOWED_ACTIONS))
    always = rights.NEEDED | rights.everywhere(on_cluster(settings.ALLOWED_ACTIONS))
    always |= rights.REVIEW if settings.REQUIRE_RBAC else frozenset()
    more = {
        name: rights.excess(one.grants, always | (needed if name in settings.ALLOWED_NAMESPACES else frozenset()))
        for name, one in told.items()
    }
    found = _more_than_needed(more)
    why = next((one.incomplete for one in told.values() if one.incomplete), "")
    if why:
        found += await _asked_one_by_one(cluster, settings, why)
    elif not found:
        found.append(ok("rights", f"May do nothing that it doesn't need (looked at {len(told)} namespaces)."))
    return found


def _more_than_needed(more: Mapping[str, frozenset[rights.Right]]) -> list[Row]:
    """A row for what holds wherever we looked, and one for each set that holds in some namespaces only."""
    common = frozenset.intersection(*more.values())
    places: dict[frozenset[rights.Right], list[str]] = {common: []}
    for name, held in more.items():
        places.setdefault(held - common, []).append(name)
    places.pop(frozenset(), None)
    found = []
    for held, names in places.items():
        where = "in every namespace" if held == common else f"in {_named(names)}"
        act = held & rights.needed_to_act(Action)
        if act:
            where_not = "where ALLOWED_NAMESPACES and ALLOWED_ACTIONS let it do nothing"
            roles = {kube_errors.ROLES.get((verb, resource), "the role") for verb, _, resource in act}
            advice = f"Name them there, or take the binding of {' and '.join(sorted(roles))} away."
            found.append(warn("rights", f"May {rights.words(act)}, {where}, {where_not}. {advice}"))
        grave = {right for right in held - act if rights.grave(right)}
        if grave:
            text = f"May {rights.words(grave)}, {where}. Fettle never does: bind the roles of deploy/rbac.yaml alone."
            found.append(warn("rights", text))
        mild = held - act - grave
        if mild:
            text = f"May also read what it never looks at, {where}: {rights.words(mild)}."
            found.append(warn("rights", text))
    return found


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


async def _asked_one_by_one(cluster: Cluster, settings: Settings, why: str) -> list[Row]:
    """Where an authorizer can't list rights: the worst, each asked for the whole cluster."""
    asked = {*rights.TOO_MUCH, *rights.needed_to_act(Action)}  # to act everywhere is more than in some namespaces
    asked -= rights.NEEDED | rights.everywhere(on_cluster(settings.ALLOWED_ACTIONS))
    held = asked - set(await rights.lacking(cluster, asked, ""))
    partly = f"The API server can't list all rights ({why.rstrip('.')})"
    if held:
        text = f"{partly}. Asked one by one: may {rights.words(held)} in every namespace, which Fettle never does."
        return [warn("rights", f"{text} Bind the roles of deploy/rbac.yaml alone.")]
    none = f"of the {len(asked)} worst, asked one by one for the whole cluster, it has none"
    return [ok("rights", f"{partly}; {none}.")]
