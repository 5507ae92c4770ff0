"""Mitigations: the closed list of actions, and what a preview hands to the person and to the execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.execution import WriteRequest


class Action(StrEnum):
    """Every verb that Fettle can carry out; ``ALLOWED_ACTIONS`` takes these words."""

    RESTART = "restart"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Preview:
    """What would happen, as the API server itself answered the dry run.

    ``request`` is the exact request for the given approval time and execution uid; ``diff`` lines are plain text;
    ``problem`` is a sentence when the dry run was refused (then there is nothing to approve); ``passing`` says that it
    wasn't answered, so that another try may go well.
    """

    request: WriteRequest
    diff: str
    facts: str
    consequence: str
    warnings: tuple[str, ...] = ()
    problem: str = ""
    passing: bool = False
    rights: Mapping[str, bool] = field(default_factory=dict)
