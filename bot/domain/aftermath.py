"""What people did to a target between Fettle's first proposal and the end of the incident, against that proposal.

It is what a team that only watches (``MODE=observe``) learns from: would it have been right to press? It refuses to
judge people: what they did counts as what was right, and nothing more is concluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from bot.domain.evidence import PodRow
from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.domain.proposal import TargetState

MOST_PODS = 300
KEY = "before"
"""Under which a proposal's baseline holds the target as it was."""


class Outcome(StrEnum):
    """How an incident with a proposal ended, as far as it can be seen in the cluster."""

    SAME = "same"
    ELSE = "else"
    NOTHING = "nothing"
    APPROVED = "approved"  # Fettle acted in it: a press is an agreement of another kind
    UNREAD = "unread"


@dataclass(frozen=True)
class Before:
    """The target when something was first proposed; ``pods`` are names with their times of creation."""

    uid: str
    template: str
    restarted_at: str
    execution: str
    replicas: int
    images: tuple[str, ...]
    pods: tuple[str, ...]
    scaled: bool
    """An autoscaler decides about its size."""


@dataclass(frozen=True)
class Act:
    """One thing that was done: ``action`` is a mitigation's word, or recreate, delete or change where none fits."""

    action: str
    what: str
    by: str = ""
    at: str = ""


def before(state: TargetState, pods: Sequence[PodRow]) -> dict[str, Any]:
    """As JSON, for the proposal's baseline."""
    marks = state.template_annotations
    made = Before(
        uid=state.target.uid,
        template=state.template_hash,
        restarted_at=marks.get(RESTARTED_AT, ""),
        execution=marks.get(EXECUTION_ID, ""),
        replicas=state.replicas,
        images=state.images,
        pods=tuple(identity(pod) for pod in pods if not pod.deleting and not pod.reason)[:MOST_PODS],
        scaled=state.hpa is not None or state.target.kind == "DaemonSet",
    )
    return asdict(made)


def read(baseline: Mapping[str, Any]) -> Before | None:
    """The reverse; None for proposals of releases that didn't keep it."""
    kept = baseline.get(KEY)
    if not isinstance(kept, Mapping):
        return None
    values = {**kept, "images": tuple(kept.get("images", ())), "pods": tuple(kept.get("pods", ()))}
    return Before(**values)


def identity(pod: PodRow) -> str:
    """A name comes again in a StatefulSet; its time of creation doesn't."""
    return f"{pod.name} {pod.created_at}"


def outcome(action: str, acts: Sequence[Act], *, executed: bool) -> Outcome:
    """The proposal against what was done; more than the proposal is still the same."""
    if executed:
        return Outcome.APPROVED
    if not acts:
        return Outcome.NOTHING
    return Outcome.SAME if any(act.action == action for act in acts) else Outcome.ELSE
