"""Executions: one attempt at the effect of one approved proposal, settled exactly once.

The intent (exact request, preconditions, execution id) is committed before the call; after a crash the annotation is
read back, the request is never blindly repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.domain.target import Target
from bot.domain.transitions import Machine

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The template annotation that makes a rollout restart (kubectl's own, so that its history reads the same)."""
EXECUTION_ID = "fettle.dev/execution"
"""Template annotation with the execution's uid: read back after a crash."""


PARTLY = "stopped after "
"""How the outcome of an execution begins that failed when a part of it was done."""
NOT_APPLIED = "not applied: "
"""How the outcome begins of what was refused, or was looked for in vain: nothing was done."""
ABSENT = f"{NOT_APPLIED}how it ended wasn't known, so the cluster was asked: it wasn't carried out (read back)."
"""The outcome of what was looked for and isn't there."""
UNANSWERED = "not known yet: "
"""How the note on a running one begins whose request left and got no yes or no; it is looked up."""


class ExecutionState(StrEnum):
    """``unknown``: it may have happened and can't be read back; a person looks."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ExecutionEvent(StrEnum):
    """What moves an execution."""

    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    LOSE = "lose"
    WAIT = "wait"  # clearly refused for now, so nothing was done: it is claimed again


_S, _E = ExecutionState, ExecutionEvent

EXECUTION: Machine[ExecutionState, ExecutionEvent] = Machine(
    "execution",
    _S.PENDING,
    {
        (_S.PENDING, _E.CLAIM): _S.RUNNING,
        (_S.PENDING, _E.FAIL): _S.FAILED,
        (_S.RUNNING, _E.SUCCEED): _S.SUCCEEDED,
        (_S.RUNNING, _E.FAIL): _S.FAILED,
        (_S.RUNNING, _E.LOSE): _S.UNKNOWN,
        (_S.RUNNING, _E.WAIT): _S.PENDING,
    },
)


@dataclass(frozen=True)
class WriteRequest:
    """The exact request, JSON-able. ``path`` is the API path, ``body`` the patch document.

    ``execution`` is the execution's uid: it goes into the User-Agent so that the cluster's audit log joins ours.
    ``template`` stands for a pod template that the cluster keeps and that isn't kept here, since it may hold what is
    secret: kind, name, uid of the revision and the hash of its content, which goes into the body's
    ``/spec/template`` when it is sent. Empty for a request that is whole.
    """

    method: str
    path: str
    content_type: str
    body: Any
    query: Mapping[str, str] = field(default_factory=dict)
    execution: str = ""
    template: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Execution:
    """One execution as stored. ``uid`` is what goes to the cluster; ``request`` is None until claimed.

    ``generation`` is the target's generation after our write (None until succeeded): verification is bound to it.
    """

    id: int
    uid: str
    proposal_id: int
    incident_id: int
    target: Target
    action: str
    state: ExecutionState
    created_at: datetime
    approved_at: datetime
    approved_by: str
    request: WriteRequest | None = None
    intent_at: datetime | None = None
    settled_at: datetime | None = None
    generation: int | None = None
    baseline: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = ""
    step: int = 0
    """Which of the proposal's steps it carries out."""
    in_flight: bool = True
    """From approval to verdict (or to a settled failure): at most one for a target."""
