"""What the bot's own account may do, as the API server tells it in one answer, and whether that answer is whole.

It refuses to judge what is too much; that is ``bot.rights``.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import FettleError, UnavailableError
from bot.kube.client import Cluster
from bot.kube.objects import Json, dig

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


@dataclass(frozen=True)
class Grant:
    """One rule: these verbs on these resources (``pods``, ``pods/exec``, ``*``) of these API groups."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """All rules that hold in a namespace, the cluster-wide ones with them; ``incomplete`` says why some are missing."""

    grants: tuple[Grant, ...]
    incomplete: str = ""


async def rules(cluster: Cluster, namespace: str) -> Rules:
    """The rules in one namespace; a server that refuses to tell them gives an incomplete answer, not an error."""
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    try:
        answer = await cluster.review(REVIEW, asked)
    except UnavailableError:
        raise
    except FettleError as error:
        return Rules((), str(error))
    found = tuple(map(_grant, dig(answer, "status", "resourceRules") or ()))
    if dig(answer, "status", "incomplete") is not True:
        return Rules(found)
    return Rules(found, str(dig(answer, "status", "evaluationError") or "it doesn't say why"))


def _grant(rule: Json) -> Grant:
    verbs, groups, resources = (tuple(map(str, rule.get(key) or ())) for key in ("verbs", "apiGroups", "resources"))
    return Grant(verbs, groups, resources)
