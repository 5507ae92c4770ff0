"""An exception to "rolling out refuses": a rollout that hangs on the very image that is to be replaced.

Such a rollout ends by nothing but another image, which is all that a change of image is for. It is pure, and refuses
every other rollout: one that moves, one whose pods started with that image, one that hangs on another container, and
one that its controller hasn't seen.
"""

from __future__ import annotations

from bot.domain.proposal import TargetState

Replaced = tuple[str, str]
"""A container's name and the image that it has now."""


def on(state: TargetState, replaced: Replaced | None) -> bool:
    """Whether the rollout of ``state`` hangs on this image of this container."""
    if replaced is None or not all(replaced) or state.observed_generation < state.generation:
        return False
    return replaced in state.hung
