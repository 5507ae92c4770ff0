"""What others may do, as the API server answers a SubjectAccessReview: nothing is done, and nothing is remembered.

It takes a right of its own (``deploy/bind-review.yaml``). Refused to it: asking about service accounts and the system.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.cluster_user import ClusterUser, Needed, Review
from bot.domain.errors import RejectedError
from bot.kube.client import Cluster
from bot.kube.objects import Json, dig, text

PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
RIGHT = ("create", "authorization.k8s.io", "subjectaccessreviews")
EVERYBODY = "system:authenticated"
"""The group that the API server itself puts everybody in who logged in."""


async def reviews(cluster: Cluster, user: ClusterUser, needed: Sequence[Needed]) -> tuple[Review, ...]:
    """An answer for each right, in their order; raises what a read raises, ``ForbiddenError`` without the role."""
    return tuple(await asyncio.gather(*(_review(cluster, user, one) for one in needed)))


async def _review(cluster: Cluster, user: ClusterUser, needed: Needed) -> Review:
    resource, _, sub = needed.resource.partition("/")
    where = {
        "verb": needed.verb, "group": needed.group, "resource": resource, "subresource": sub,
        "namespace": needed.namespace, "name": needed.name,
    }  # fmt: skip
    asked: Json = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user.name,
            "groups": [*user.groups, EVERYBODY],
            "resourceAttributes": {key: value for key, value in where.items() if value},
        },
    }
    answer = await cluster.review(PATH, asked)
    if not isinstance(dig(answer, "status"), dict):
        raise RejectedError("The API server answers a SubjectAccessReview without a status.", "no_status")
    # A webhook may deny what RBAC allows, and an evaluation that failed allows nothing that isn't said.
    allowed = dig(answer, "status", "allowed") is True and dig(answer, "status", "denied") is not True
    why = text(answer, "status", "reason") or text(answer, "status", "evaluationError")
    return Review(needed, allowed, why[:300])
