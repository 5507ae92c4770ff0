"""Whether what was done stays: somebody who keeps the workload as it is in Git or a chart may have taken it back.

That is a fail with a name, not another change that supersedes: the incident goes on as if nothing had been done.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.execution import EXECUTION_ID
from bot.domain.proposal import TargetState
from bot.domain.verification import Check, CheckState
from bot.verification.rollout import Bound

NAME = "kept"


def check(state: TargetState, bound: Bound, before: str, at: datetime) -> Check | None:
    """A final bad row when our change is gone and the template is what it was before; None while it isn't.

    A template that differs from both ours and the one before is somebody's new change, which supersedes; so does what a
    person took back where nobody keeps the workload.
    """
    if state.keeper is None or not before or bound.generation is None or state.generation <= bound.generation:
        return None
    if bound.uid and state.target.uid != bound.uid:
        return None
    if state.template_hash != before:
        return None
    if bound.template_hash == before and EXECUTION_ID in state.template_annotations:
        return None  # a restart leaves the template as it is: only its mark tells, and there is one
    if bound.on_workload and bound.template_hash == before:
        return None
    measured = f"reverted by {state.keeper.words} (generation {bound.generation} → {state.generation})"
    return Check(NAME, CheckState.BAD, "the change stays", measured, at, final=True)
