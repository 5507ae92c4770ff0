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


class Standing(StrEnum):
    """What is known of an execution beside its state; ``outcome`` only says it in words, which nothing reads back."""

    PLAIN = ""  # what the state says is all
    HELD = "held"  # clearly refused for now, or a part is done: it is claimed again
    UNANSWERED = "unanswered"  # its request left and got no yes or no: it is looked up
    UNTOUCHED = "untouched"  # it failed, and nothing was done
    PARTLY = "partly"  # it failed when a part of it was done, which stays


_S, _E = ExecutionState, ExecutionEvent

STANDINGS: Mapping[ExecutionState, frozenset[Standing]] = {
    _S.PENDING: frozenset({Standing.PLAIN, Standing.HELD}),
    _S.RUNNING: frozenset({Standing.PLAIN, Standing.HELD, Standing.UNANSWERED}),
    _S.SUCCEEDED: frozenset({Standing.PLAIN}),
    _S.FAILED: frozenset({Standing.PLAIN, Standing.UNTOUCHED, Standing.PARTLY}),
    _S.UNKNOWN: frozenset({Standing.PLAIN}),
}
"""What may be known in which state; what failed in a store that was put back is plain, since nobody knows more."""
_LEADS: Mapping[Standing, str] = {Standing.UNTOUCHED: "not applied: ", Standing.UNANSWERED: "not known yet: "}

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
    ``outcome`` is what came of it, or what it waits for, for people alone; ``standing`` is what may be decided by.
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
    standing: Standing = Standing.PLAIN
    step: int = 0
    """Which of the proposal's steps it carries out."""
    in_flight: bool = True
    """From approval to verdict (or to a settled failure): at most one for a target."""

    @property
    def told(self) -> str:
        """The outcome with what goes before it: ``not applied: Writes are frozen``."""
        return f"{_LEADS.get(self.standing, '')}{self.outcome}"

    @property
    def waits(self) -> bool:
        """Whether it is held back; so it stays while it is asked again, which takes no time to speak of."""
        return self.standing is Standing.HELD

    @property
    def unanswered(self) -> bool:
        """Whether its request left and how it ended isn't known."""
        return self.standing is Standing.UNANSWERED
