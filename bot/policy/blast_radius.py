"""How much one action may change at once: replicas at most doubled, a quarter of a workload's pods, never to nothing.

Pure; parameters and state come as arguments. An undo leads back to what ran before, so it isn't held to a size. What is
no number denies. This module refuses to say when something may be done; the other guards do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.decision import Reason, Rule
from bot.domain.mitigation import Action, traits_of
from bot.domain.proposal import TargetState

GROWTH = 2
"""At most so many times what there was."""
PART = 4
"""At most one in so many pods is evicted at once, and one always may be."""


@dataclass(frozen=True)
class Bounds:
    """The settings: whether a workload may be scaled to zero, and to how many from there. The defaults deny."""

    to_zero: bool = False
    from_zero: int = 0


def check(
    action: str,
    params: Mapping[str, Any],
    state: TargetState,
    bounds: Bounds,
    *,
    undo: bool,
    ending: int = 0,
    firing: Sequence[str] = (),
) -> Iterator[Reason]:
    """Every reason why this is too much at once.

    ``ending`` are pods of the workload that are being deleted already; ``firing`` are clauses about alerts elsewhere on
    the same disruption budget.
    """
    if state.hpa is not None and not traits_of(action).autoscaled:
        yield Reason(
            Rule.AUTOSCALED,
            f"The autoscaler {state.hpa[0]} sets the replicas of {state.target.ref}, from {state.hpa[1]} to "
            f"{state.hpa[2]}, and would set them back. Change its bounds instead "
            f"(/incident act raise-autoscaler {state.target.ref} MAXIMUM).",
        )
    if not params:
        return  # nothing could be planned, and the record says why
    if action == Action.EVICT:
        yield from _evictions(params, state, ending, firing)
    elif not undo and action == Action.SCALE:
        yield from _replicas(params, state, bounds)
    elif not undo and action == Action.RAISE_AUTOSCALER:
        yield from _bounds(params, state)


def most_at_once(replicas: int) -> int:
    """How many pods of a workload may be away by our hand at once."""
    return max(1, replicas // PART)


def _replicas(params: Mapping[str, Any], state: TargetState, bounds: Bounds) -> Iterator[Reason]:
    ref, before, after = state.target.ref, _number(params.get("from")), _number(params.get("replicas"))
    if before is None or after is None:
        yield _no_number(ref)
    elif after == 0 and not bounds.to_zero:
        yield Reason(
            Rule.BLAST_RADIUS,
            f"Scaling {ref} to zero stops all of it, which SCALE_TO_ZERO doesn't allow. Scale it by hand "
            f"(kubectl -n {state.target.namespace} scale {state.target.kind.lower()}/{state.target.name} "
            "--replicas=0).",
        )
    elif before == 0 and after > bounds.from_zero:
        least = f"at most {bounds.from_zero} (SCALE_FROM_ZERO)" if bounds.from_zero else "none (SCALE_FROM_ZERO is 0)"
        yield Reason(Rule.BLAST_RADIUS, f"{ref} has no replicas; from there I scale it to {least}, not to {after}.")
    elif before and after > before * GROWTH:
        yield _doubled(f"{ref} has {before} replicas", before * GROWTH, after)


def _bounds(params: Mapping[str, Any], state: TargetState) -> Iterator[Reason]:
    for end, word in (("least", "minimum"), ("most", "maximum")):
        before, after = _number(params.get(f"from_{end}")), _number(params.get(end))
        if before is None or after is None:
            yield _no_number(state.target.ref)
            return
        if after > max(before, 1) * GROWTH:
            whose = f"The {word} of the autoscaler of {state.target.ref} is {before}"
            yield _doubled(whose, max(before, 1) * GROWTH, after)


def _evictions(params: Mapping[str, Any], state: TargetState, ending: int, firing: Sequence[str]) -> Iterator[Reason]:
    most = most_at_once(state.replicas)
    several = len(params.get("pods") or ())
    if several > most:
        yield Reason(
            Rule.BLAST_RADIUS,
            f"Of {state.replicas} pods of {state.target.ref} I evict at most {most} at once, not {several}.",
        )
    if ending >= most:
        pods = "1 pod" if ending == 1 else f"{ending} pods"
        ends = "is" if ending == 1 else "are"
        yield Reason(
            Rule.BUDGET,
            f"{pods} of {state.target.ref} {ends} ending already, and of {state.replicas} at most {most} may at once. "
            "I wait for that.",
        )
    if firing:
        yield Reason(
            Rule.BUDGET,
            f"{'; '.join(firing)}, on the same disruption budget as {state.target.ref}. I wait until that is over.",
        )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _no_number(ref: str) -> Reason:
    return Reason(Rule.BLAST_RADIUS, f"How many replicas {ref} would have isn't said, so I don't do it.")


def _doubled(what: str, most: int, after: int) -> Reason:
    return Reason(
        Rule.BLAST_RADIUS, f"{what}; I at most double that, so to {most} and not to {after}. Do it in two steps."
    )
