"""Did the rollout that our write began complete? Pure, on one snapshot.

Nothing is judged before ``observedGeneration`` has caught up: until then status shows the old pods, all healthy. It
refuses to count pods of another revision as new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.domain.execution import EXECUTION_ID, RESTARTED_AT
from bot.domain.proposal import TargetState
from bot.domain.verification import Check, CheckState
from bot.kube.pods import Pod

NAME = "rollout"
OLDER = "the cluster answered with an older state"
EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True)
class Bound:
    """What the verification is bound to; empty for a look without an execution.

    ``uid`` is the target's, ``generation`` the one our write made, ``execution`` the uid in the template annotation,
    ``template_hash`` the template's before the action (restart annotations aside). ``pods`` is the hash that the new
    pods carry where the template bears no mark of the execution: then the workload itself does. ``stuck`` is whether
    the rollout before had passed its deadline: a controller that uses an old ReplicaSet again leaves that condition
    until pods move. ``newest`` is whether the new pods are those of the workload's template, whatever hash they carry:
    for one that no revision holds yet. ``paused`` is what our write made of that, ``restarted_at`` of the template's
    mark of a restart, which its hash leaves out; None where that isn't known. ``strategy`` is that of updates before
    the action, "" where it isn't known.
    """

    uid: str = ""
    generation: int | None = None
    execution: str = ""
    template_hash: str = ""
    pods: str = ""
    stuck: bool = False
    newest: bool = False
    paused: bool = False
    restarted_at: str | None = None
    strategy: str = ""

    @property
    def on_workload(self) -> bool:
        """Whether the mark of the execution stands on the workload itself."""
        return bool(self.pods) or self.newest


def superseded(state: TargetState, bound: Bound) -> str:
    """A sentence when the target moved past our write, else empty.

    A newer generation supersedes, with one exception: an HPA that changed the replica count while template, strategy
    and execution annotation stayed ours. Else no verdict would ever be reached under an active autoscaler.
    """
    label = state.target.label
    if bound.uid and state.target.uid != bound.uid:
        return f"{label} was deleted and made anew after the action"
    if bound.generation is not None and state.generation < bound.generation:
        return ""  # an answer from before our write tells nothing of what came after it
    mark = state.marker if bound.on_workload else state.template_annotations.get(EXECUTION_ID)
    if bound.execution and mark != bound.execution:
        return f"another change of the pod template took over on {label} (generation {state.generation})"
    if bound.pods and state.pods_hash not in {"", bound.pods}:
        return f"another pod template took over on {label} (generation {state.generation})"
    if bound.generation is None or state.generation <= bound.generation:
        return ""
    if bound.restarted_at not in {None, state.template_annotations.get(RESTARTED_AT, "")}:
        return f"{label} was restarted by somebody else after the action (generation {state.generation})"
    same = bool(bound.template_hash) and state.template_hash == bound.template_hash and state.paused == bound.paused
    same = same and bound.strategy in {"", state.strategy}
    if same and state.hpa is not None:
        return ""
    return f"{label} was changed after the action (generation {bound.generation} → {state.generation})"


def new_pods(state: TargetState, pods: Sequence[Pod], bound: Bound) -> tuple[Pod, ...]:
    """The living pods that the action started: those that carry its execution; without one, those of the revision.

    Pods get the template's annotations, so this needs no clock and holds for all three kinds.
    """
    living = [pod for pod in pods if not pod.deleting and pod.row.phase not in {"Succeeded", "Failed"}]
    if bound.pods or bound.newest:
        known = bound.pods or state.pods_hash
        return tuple(pod for pod in living if known and pod.row.hash == known)
    if bound.execution:
        return tuple(pod for pod in living if pod.execution == bound.execution)
    if state.target.kind == "Deployment":
        mark = state.template_annotations.get(RESTARTED_AT, "")
        return tuple(pod for pod in living if pod.restarted_at == mark)
    if state.target.kind == "StatefulSet":
        return tuple(pod for pod in living if pod.row.hash == state.revision)
    return tuple(pod for pod in living if not state.revision or pod.row.hash == state.revision)


def wanted(state: TargetState) -> int:
    """How many pods have to be new: all, but those that a StatefulSet's partition keeps."""
    held = state.partition if state.target.kind == "StatefulSet" else 0
    return max(0, state.replicas - held)


def complete(state: TargetState, fresh: Sequence[Pod], bound: Bound) -> bool:
    """Whether the rollout of our generation is over and every new pod is available."""
    if state.observed_generation < max(state.generation, bound.generation or 0):
        return False
    need = wanted(state)
    ready = sum(1 for pod in fresh if pod.row.ready)
    return need > 0 and counted(state) and ready >= need


def counted(state: TargetState) -> bool:
    """Whether the workload's own counts say that its rollout is over; they lag behind its pods by a moment."""
    counts = state.updated >= wanted(state) and state.available >= state.replicas
    return (
        counts
        and state.current <= state.replicas
        and (state.target.kind == "StatefulSet" or state.current <= state.updated)
    )


def check(state: TargetState, fresh: Sequence[Pod], bound: Bound, at: datetime) -> Check:
    """The row for the card: expected, measured, and whether it can still become good."""
    need = wanted(state)
    expected = f"{need}/{need} updated and available"
    if state.strategy == "OnDelete":
        sentence = "not verifiable: with OnDelete pods restart only when someone deletes them"
        return Check(NAME, CheckState.UNMEASURED, expected, sentence, at)
    if bound.generation is not None and state.generation < bound.generation:
        return Check(NAME, CheckState.UNMEASURED, expected, OLDER, at)
    if state.observed_generation < max(state.generation, bound.generation or 0):
        waiting = f"the controller hasn't seen the change yet (generation {state.observed_generation} seen)"
        return Check(NAME, CheckState.WAITING, expected, waiting, at)
    if not need:
        return Check(NAME, CheckState.UNMEASURED, "new pods", _none_new(state), at)
    if complete(state, fresh, bound):
        return Check(NAME, CheckState.GOOD, expected, f"{state.available}/{state.replicas} available", at)
    ready = sum(1 for pod in fresh if pod.row.ready)
    measured = f"{min(state.updated, state.replicas)}/{need} updated, {ready} of them ready"
    why = trouble(fresh)
    if len(fresh) < need and counted(state):
        some = f"{len(fresh)} of the pods that I see {'is' if len(fresh) == 1 else 'are'}" if fresh else ""
        said = some or "none of the pods that I see is"
        odd = f"the workload counts {state.available} available, and {said} of the new template"
        return Check(NAME, CheckState.UNMEASURED, expected, odd, at)
    if why:
        measured += f" ({why})"
    if state.conditions.get("Progressing") == EXCEEDED and not bound.stuck:
        stuck = f"{measured}; {EXCEEDED} after {state.progress_deadline} s"
        return Check(NAME, CheckState.BAD, expected, stuck, at, final=True)
    if state.paused:
        return Check(NAME, CheckState.BAD, expected, f"{measured}; the rollout was paused", at)
    return Check(NAME, CheckState.WAITING, expected, measured, at)


def _none_new(state: TargetState) -> str:
    """Why there is nothing that could be seen to work."""
    if state.replicas:
        return f"partition {state.partition} keeps all {state.replicas} pods as they were, so nothing was tried"
    where = "no node takes a pod of it" if state.target.kind == "DaemonSet" else "it is scaled to zero"
    return f"{where}, so no pod runs that could be measured"


def progress(state: TargetState, fresh: Sequence[Pod]) -> Mapping[str, Any]:
    """The numbers of the card: desired, updated, ready, available, new pods and their restarts, restartedAt."""
    return {
        "desired": state.replicas,
        "updated": state.updated,
        "ready": state.ready,
        "available": state.available,
        "pods": len(fresh),
        "restarts": sum(pod.row.restarts for pod in fresh),
        "restartedAt": state.template_annotations.get(RESTARTED_AT, ""),
        "generation": state.generation,
        "revision": state.revision,
    }


def trouble(fresh: Sequence[Pod]) -> str:
    """Why pods wait, in the kubelet's words: ``CrashLoopBackOff``; empty where they only start."""
    reasons = sorted({pod.row.waiting for pod in fresh if pod.row.waiting and pod.row.waiting != "ContainerCreating"})
    return ", ".join(reasons)
