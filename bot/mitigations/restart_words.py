"""What a restart means, in the words of the card: facts, consequence and warnings, from the target's state alone."""

from __future__ import annotations

from bot.domain.proposal import TargetState


def pods(number: int) -> str:
    """``1 pod``, ``6 pods``."""
    return "1 pod" if number == 1 else f"{number} pods"


def pace(state: TargetState) -> str:
    """How many pods go down at a time, in words."""
    if state.strategy == "Recreate":
        return "all at once"
    if state.strategy == "OnDelete":
        return "only when someone deletes them"
    bound = state.max_unavailable
    if bound.endswith("%"):
        return f"{bound[:-1]} % at a time"
    if state.target.kind == "Deployment" and bound == "0":
        return f"{state.max_surge.replace('%', ' %') or '1'} extra at a time, none down"
    if bound in {"", "1"}:
        return "one at a time" if state.target.kind != "Deployment" or bound == "1" else "25 % at a time"
    return f"{bound} at a time"


def facts(state: TargetState, dry_run: str) -> str:
    """The budget line of the card: ``6 replicas, 25 % at a time · budget allows 2 down · no HPA · dry run ok``."""
    unit = "node" if state.target.kind == "DaemonSet" else "replica"
    parts = [f"{state.replicas} {unit}{'' if state.replicas == 1 else 's'}, {pace(state)}"]
    if state.budget is None:
        parts.append("no disruption budget")
    else:
        parts.append(f"budget {state.budget[0]} allows {state.budget[2]} down")
    if state.target.kind != "DaemonSet":
        parts.append("no HPA" if state.hpa is None else f"HPA {state.hpa[1]} to {state.hpa[2]}")
    return " · ".join([*parts, dry_run])


def consequence(state: TargetState) -> str:
    """The confirm's text: ``Restarts 6 pods of shop/api, 25 % at a time.``."""
    ref = state.target.ref
    if state.strategy == "OnDelete":
        return f"Marks {ref} for a restart; its pods restart {pace(state)}."
    held = min(state.partition, state.replicas) if state.target.kind == "StatefulSet" else 0
    number = state.replicas - held
    kept = f" The {pods(held)} below partition {state.partition} stay as they are." if held else ""
    down = f" {ref} is down until they are ready." if state.strategy == "Recreate" else ""
    return f"Restarts {pods(number)} of {ref}, {pace(state)}.{down}{kept}"


def held(state: TargetState) -> tuple[str, ...]:
    """A line where pods that aren't ready keep the template that they have, whatever the workload's is."""
    if not state.ordered or state.ready >= state.replicas:
        return ()
    stuck = f"{state.target.ref} makes one pod after the other (OrderedReady): one that isn't ready keeps its template "
    return (f"{stuck}until somebody deletes it: kubectl -n {state.target.namespace} get pods",)


def warnings(state: TargetState, *, taken_back: bool = True) -> tuple[str, ...]:
    """A line each for what a person should know before pressing; none of them denies.

    Without ``taken_back`` whoever says themselves what the object's keeper may undo.
    """
    lines: list[str] = []
    if state.replicas == 1 and state.target.kind != "DaemonSet":
        surge = state.target.kind == "Deployment" and state.strategy == "RollingUpdate"
        lines.append(
            "Single replica: the new pod starts beside the old one, so watch that both fit."
            if surge
            else "Single replica: nothing serves until the new pod is ready."
        )
    if state.strategy == "Recreate":
        lines.append("Strategy Recreate: all pods stop before new ones start.")
    if state.strategy == "OnDelete":
        lines.append("Strategy OnDelete: pods won't restart by themselves, and the result can't be verified.")
    if state.partition and state.target.kind == "StatefulSet":
        lines.append(f"Partition {state.partition}: pods below that ordinal keep running as they are.")
    if state.budget is not None and state.budget[2] == 0:
        lines.append(f"Budget {state.budget[0]} allows no pod to be down now; a rollout doesn't heed it.")
    if taken_back and state.keeper is not None and state.keeper.at_once:
        lines.append(f"{state.keeper.words} manages this object and may take the change back again.")
    return tuple(lines)
