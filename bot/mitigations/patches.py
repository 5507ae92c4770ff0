"""Pieces of a JSON Patch that every mitigation shares: pointers, preconditions, and reading them back."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.errors import IntegrityError, RequestError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import count, mapping, path, text
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.applied import Applied, ReadBack

JSON_PATCH = "application/json-patch+json"

PATCH_ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: fettle-patch
rules:
  - apiGroups: [apps]
    resources: [deployments, statefulsets, daemonsets]
    verbs: [patch]
"""
"""The role that patching a workload takes."""


def pointer(key: str) -> str:
    """One JSON pointer segment (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def preconditions(state: TargetState, execution_uid: str, what: str) -> list[dict[str, object]]:
    """Tests on uid and generation; raises ``RequestError`` unless this is one exact object and one execution."""
    target = state.target
    if not (target.uid and target.namespace and target.name and execution_uid):
        raise RequestError(f"A {what} needs one exact object: kind, namespace, name and uid, and an execution.")
    return [
        {"op": "test", "path": "/metadata/uid", "value": target.uid},
        {"op": "test", "path": "/metadata/generation", "value": state.generation},
    ]


def annotate(where: str, values: Mapping[str, str], *, there: bool, unguarded: bool = False) -> list[dict[str, object]]:
    """Adds keys to a map of annotations without replacing it.

    The API server omits an empty map, and "add" below a missing one is refused: then the map itself is put. Where no
    generation tells of an annotation that somebody wrote meanwhile (``unguarded``), its absence is tested.
    """
    if there:
        return [{"op": "add", "path": f"{where}/{pointer(key)}", "value": value} for key, value in values.items()]
    absent: list[dict[str, object]] = [{"op": "test", "path": where, "value": None}] if unguarded else []
    return [*absent, {"op": "add", "path": where, "value": dict(values)}]


def patch(target: Target, body: list[dict[str, object]], execution_uid: str) -> WriteRequest:
    """The JSON Patch of one object, under our name."""
    return WriteRequest(
        method="PATCH",
        path=path(target.kind, target.namespace, target.name),
        content_type=JSON_PATCH,
        body=body,
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
    )


async def read_mark(
    cluster: Cluster, target: Target, execution_uid: str, stored: WriteRequest | None, what: str, *keys: str
) -> ReadBack:
    """Whether a write is in the cluster, by the mark of its execution under ``keys``; ``what`` is its noun.

    ``stored`` is the request that was sent: its preconditions say what "unchanged" means. Without it, or without
    the mark on a target that moved on, the answer is ``changed``. Raises what a read raises; unreadable is
    unknown, which is the caller's to say.
    """
    expected = precondition(stored, "/metadata/generation")
    uid = precondition(stored, "/metadata/uid") or target.uid
    obj = await reads.workload(cluster, target)
    generation = count(obj, "metadata", "generation")
    same = text(obj, "metadata", "uid") == uid
    if same and text(mapping(obj, *keys), EXECUTION_ID) == execution_uid:
        ours = expected + 1 if isinstance(expected, int) else generation
        return ReadBack(Applied.APPLIED, ours, f"The {what} of {target.ref} is in the cluster.")
    if same and generation == expected:
        return ReadBack(Applied.NOT_APPLIED, generation, f"{target.label} is as it was; the {what} didn't happen.")
    return ReadBack(
        Applied.CHANGED, generation, f"{target.label} changed meanwhile; whether the {what} happened can't be told."
    )


def precondition(stored: WriteRequest | None, where: str) -> object:
    """The value that a stored request tests at a path, None without such a test."""
    for operation in stored.body if stored is not None else ():
        if operation.get("op") == "test" and operation.get("path") == where:
            return operation.get("value")
    return None


def must_test_uid(stored: WriteRequest) -> None:
    """Raises ``IntegrityError`` for a request that would hit whatever has the name."""
    if not precondition(stored, "/metadata/uid"):
        raise IntegrityError("The stored request has no precondition on the object's uid; it isn't sent.")


async def apply_patch(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the stored request once; returns the target's generation after it.

    Raises as ``kube.writes.send``; on ``OutcomeUnknownError`` call ``read_back``, never this again.
    """
    must_test_uid(stored)
    return count(await send(cluster, stored), "metadata", "generation")
