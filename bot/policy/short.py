"""The other exception to "rolling out refuses": a workload that is only short of pods, for a change of its size.

Scaled up beyond a quota, or with an ordered pod that finds no node, it counts as rolling out for ever, and nothing but
another size ends that. It is pure, and refuses all in which a template is still being rolled out.
"""

from __future__ import annotations

from bot.domain.proposal import TargetState

ENDED = "NewReplicaSetAvailable"


def of_pods(state: TargetState) -> bool:
    """Whether all pods that there are have the newest template, the rollout of which had ended, and some lack."""
    if state.observed_generation < state.generation or not 0 < state.current == state.updated < state.replicas:
        return False
    return state.target.kind == "StatefulSet" or state.conditions.get("Progressing") == ENDED
