"""One kind of hazard: when it happens, what it does, whether it took hold, and what it hides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.verification_judge.room import Room
from tests.verification_judge.shape import Shape
from tests.verification_judge.verbs import ANY, Verb

Plant = Callable[[Room], Callable[[], bool] | None]
"""Does it now; returns what tells later whether it took hold, or None where it did so by itself."""


@dataclass(frozen=True)
class Hazard:
    """One hazard.

    ``when`` are the moments of which one is drawn: ``before`` it is asked for, once it is ``approved``, seconds after
    the ``write``, or at a share of the ``soak``. ``shaped`` makes the shape one that the hazard fits. ``says`` are
    words, one of which an inconclusive verdict must have where the hazard is what hides the truth (``blinds``).
    """

    name: str
    plant: Plant
    verbs: frozenset[str] = ANY
    when: tuple[str, ...] = ("write", "soak")
    shaped: Callable[[Shape], Shape] = lambda one: one
    fits: Callable[[Verb, Shape], bool] = lambda _verb, _shape: True
    says: tuple[str, ...] = ()
    blinds: bool = False


def deployed(one: Shape) -> Shape:
    """Of kind Deployment."""
    return replace(one, kind="Deployment", partition=0, parallel=False)


def without_autoscaler(one: Shape) -> Shape:
    """Of a size that nobody moves."""
    return replace(one, autoscaler=False)


def always() -> bool:
    """It took hold when it was planted."""
    return True


def never() -> bool:
    """There was nothing that it could take hold of."""
    return False
