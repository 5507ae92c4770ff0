"""Changes other than the template's that explain trouble: somebody scaled up or changed a configuration before.

It refuses to judge them, and to read anything from the sentences that tell them.
"""

from __future__ import annotations

from bot.findings.case import Case
from bot.findings.phrases import instant, number_of
from bot.findings.rollouts import FOLLOWS, SKEW


def changed_config(case: Case) -> bool:
    """Whether a configuration was changed within 30 min before the trouble."""
    times = [instant(one.at) for one in case.changes or () if one.kind == "config"]
    times += [instant(one.changed_at) for one in case.references or ()]
    began = case.began
    return began is not None and any(at is not None and -SKEW <= began - at <= FOLLOWS for at in times)


def scaled_lately(case: Case) -> int | None:
    """The former number of replicas, if a person scaled up and the trouble follows it.

    The change doesn't tell the former number, the pods do that were there before it.
    """
    scale = next((one for one in case.changes or () if one.kind == "scale" and instant(one.at) is not None), None)
    at = instant(scale.at) if scale is not None else None
    if scale is None or at is None or scale.size is None or scale.automatic or case.began is None:
        return None
    if not -SKEW <= case.began - at <= FOLLOWS:
        return None
    created = [instant(pod.created_at) for pod in case.living]
    before = sum(1 for one in created if one is not None and one < at)
    return before if 0 < before < scale.size and not case.pods_cut else None


def room(case: Case, before: int) -> tuple[int, str]:
    """How many replicas there is room for, and the sentence that says so.

    Pods that got a place since somebody scaled up keep it: to go back further would end some that serve.
    """
    placed = 0 if case.pods_cut else sum(1 for pod in case.living if pod.node)
    wanted = case.workload.replicas if case.workload is not None else placed
    if before < placed < wanted:
        return placed, f"so many have their place: {placed} of {wanted}"
    return before, f"there was room for {number_of(before, 'replica')}"
