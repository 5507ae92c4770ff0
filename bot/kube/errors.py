"""Foreign errors of the Kubernetes client, translated at the door into Fettle's own tree.

The question that matters is whether the world may have changed: a write that left and wasn't clearly refused is an
``OutcomeUnknownError``, whatever the reason. This module refuses to decide what happens next.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bot.domain.decision import NOTHING_DONE
from bot.domain.errors import (
    BudgetHoldsError,
    ClusterUnavailableError,
    CredentialsError,
    FettleError,
    ForbiddenError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    WorldChangedError,
)
from bot.domain.redaction import redact
from bot.network import why

LOOKING = frozenset({"get", "list", "watch"})
ROLES: Mapping[tuple[str, str], str] = {
    ("patch", "deployments"): "fettle-patch",
    ("patch", "statefulsets"): "fettle-patch",
    ("patch", "daemonsets"): "fettle-patch",
    ("patch", "deployments/scale"): "fettle-scale",
    ("patch", "statefulsets/scale"): "fettle-scale",
    ("patch", "horizontalpodautoscalers"): "fettle-scale",
    ("create", "pods/eviction"): "fettle-evict",
    ("create", "pods/exec"): "fettle-exec",
    ("patch", "pods/ephemeralcontainers"): "fettle-debug",
    ("get", "pods/proxy"): "fettle-pprof",
    ("create", "jobs"): "fettle-rerun",
    ("delete", "jobs"): "fettle-delete-job",
    ("patch", "persistentvolumeclaims"): "fettle-expand",
    ("patch", "nodes"): "fettle-cordon",
    ("create", "subjectaccessreviews"): "fettle-review",
}
"""Which of the shipped roles grants a verb on a resource; they come in pieces, so that each can be left out."""

ANONYMOUS = 'User "system:anonymous"'
"""Whom the API server sees when a request carries no credentials."""

_FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def status_error(
    method: str,
    path: str,
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    acts: bool,
) -> FettleError:
    """The error for an answer with ``status`` >= 400.

    ``acts`` is true for a write without dry run: then any 5xx is an unknown outcome, because a gateway or etcd may
    time out after the write was stored.
    """
    detail = _status_body(body)
    message = str(detail.get("message") or HTTPStatus(status).phrase if status in _KNOWN else detail.get("message", ""))
    # A webhook's refusal may quote the object that it refused.
    message = redact(message)[:400] or f"HTTP {status}"
    if status == HTTPStatus.FORBIDDEN:
        return ForbiddenError(forbidden_sentence(message))
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsError(
            "The cluster doesn't accept my credentials (401): a token is wrong or has run out. Renew the kubeconfig."
        )
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(f"The cluster doesn't have it: {message}.")
    if status == HTTPStatus.CONFLICT:
        return WorldChangedError(f"The target changed meanwhile (409). {NOTHING_DONE}")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and method == "PATCH" and not detail.get("details"):
        # A JSON Patch whose `test` fails is answered with 422 and empty details (recorded); a bad value has causes.
        return WorldChangedError(f"The target isn't what was approved any more (422). {NOTHING_DONE}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        if held := _budget(detail):
            return BudgetHoldsError(held, retry_after(headers))
        return ClusterUnavailableError("The API server asks to wait (429).", retry_after(headers))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if acts:
            return OutcomeUnknownError(f"The API server answered {status} to a write; it may have been carried out.")
        return ClusterUnavailableError(f"The API server answered {status}: {message}", retry_after(headers))
    return RejectedError(f"The API server refused {method} {path}: {message}", str(detail.get("reason") or status))


_KNOWN = frozenset(int(known) for known in HTTPStatus)


def connection_error(error: BaseException, *, acts: bool, refused: bool = False) -> FettleError:
    """The error for a call without an answer; ``refused`` means that no connection was made, so nothing was sent."""
    if acts and not refused:
        return OutcomeUnknownError("The write left and no answer came; it may have been carried out.")
    if isinstance(error, TimeoutError):
        return ClusterUnavailableError("The API server didn't answer in time.")
    return ClusterUnavailableError(f"The API server can't be reached: {why(error)}.")


def forbidden_sentence(message: str) -> str:
    """A sentence with the right that is missing and the role to apply, from the API server's own message."""
    found = _FORBIDDEN.search(message)
    if ANONYMOUS in message:
        return "The cluster got no credentials from me (403). Put a token or a certificate into the kubeconfig's user."
    if found is None:
        return f"The cluster refuses me a right (403): {message}"
    verb, resource, group, namespace = found.group("verb", "resource", "group", "namespace")
    return missing_right(verb, resource, group, namespace or "")


def missing_right(verb: str, resource: str, group: str, namespace: str) -> str:
    """``I may not patch deployments.apps in shop (403). Apply the role fettle-patch in shop.``."""
    named = f"{resource}.{group}" if group else resource
    where = f" in {namespace}" if namespace else " in the cluster"
    lacking = f"I may not {verb} {named}{where} (403)."
    role = ROLES.get((verb, resource), "")
    if verb in LOOKING and not role:
        return f"{lacking} Apply the role fettle-read (deploy/rbac.yaml)."
    if not role:
        return f"{lacking} No role that comes with Fettle grants that; look at what asks for it."
    return f"{lacking} Apply the role {role}{where}."


def _budget(detail: Mapping[str, Any]) -> str:
    """What a refused eviction says of its disruption budget (recorded), empty for any other 429."""
    causes = (detail.get("details") or {}).get("causes") or ()
    said = next((str(one.get("message", "")) for one in causes if one.get("reason") == "DisruptionBudget"), "")
    return f"{redact(said)[:300].rstrip('.')} (429)." if said else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from ``Retry-After``, None where there is none or it isn't a number."""
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None


def _status_body(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {"message": body[:200].decode(errors="replace").strip()}
    return value if isinstance(value, dict) else {}
