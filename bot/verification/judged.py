"""What one kind of action says of one look at its target; ``measure`` adds the soak and the supporting checks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.verification import Check
from bot.kube.pods import Pod


@dataclass(frozen=True)
class Judged:
    """``moved`` is a sentence when something newer took over, ``row`` the required check.

    ``fresh`` are the pods that the soak watches, ``done`` whether it may begin; ``progress`` are the card's numbers.
    """

    moved: str
    fresh: tuple[Pod, ...]
    done: bool
    row: Check
    progress: Mapping[str, Any]
    more: tuple[Check, ...] = ()
    """Further rows that are required."""


def living(pods: tuple[Pod, ...]) -> tuple[Pod, ...]:
    """Pods that neither end nor have ended."""
    return tuple(pod for pod in pods if not pod.deleting and pod.row.phase not in {"Succeeded", "Failed"})
