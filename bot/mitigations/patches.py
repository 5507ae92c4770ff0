"""Pieces of a JSON Patch that every mitigation shares: pointers, preconditions, and reading them back."""

from __future__ import annotations

from bot.domain.errors import IntegrityError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.proposal import TargetState

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
