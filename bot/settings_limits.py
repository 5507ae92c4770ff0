"""How often Fettle may act and on which nodes, and what of it without a person: that and nodes are empty at first."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from bot import settings_values as values
from bot.domain.mitigation import Action
from bot.settings_artifacts import ArtifactSettings


class LimitSettings(ArtifactSettings):
    """Part of ``Settings``, and with it what dumps may take."""

    COOLDOWN: Annotated[timedelta, BeforeValidator(values.duration(0, 3600))] = Field(
        timedelta(minutes=10), description="How long a target rests after an action before the next one."
    )
    TARGET_HOURLY: Annotated[int, BeforeValidator(values.whole(1, 1000))] = Field(
        2, description="Actions an hour on one target that Fettle proposes; after that a person has to ask."
    )
    HOURLY: Annotated[int, BeforeValidator(values.whole(1, 10000))] = Field(
        10, description="Actions an hour on all targets together."
    )
    AT_ONCE: Annotated[int, BeforeValidator(values.whole(1, 1000))] = Field(
        3, description="Actions in flight at once, from the approval to the verdict."
    )
    BREAKER: Annotated[int, BeforeValidator(values.whole(0, 100))] = Field(
        2,
        description="Verdicts in a row that aren't PASS after which Fettle stops for an hour, or until fettle freeze "
        "off; 0 never.",
    )
    SILENCE_MAX: Annotated[timedelta, BeforeValidator(values.duration(60, 604800))] = Field(
        timedelta(hours=4),
        description="Longest silence that an approver may set; it ends with its incident, or at its end at the latest.",
    )
    SCALE_TO_ZERO: Annotated[bool, BeforeValidator(values.switch)] = Field(
        default=False, description="Lets a workload be scaled to zero, which stops all of it."
    )
    SCALE_FROM_ZERO: Annotated[int, BeforeValidator(values.whole(0, 1000))] = Field(
        3, description="Up to how many replicas a workload that has none may be scaled; any other at most doubles."
    )
    BOUNDS_REVERT: Annotated[timedelta, BeforeValidator(values.duration(10, 604800))] = Field(
        timedelta(hours=2),
        description="How long after other bounds of an autoscaler helped it is proposed to put the old ones back.",
    )
    AUTONOMY_ACTIONS: Annotated[tuple[Action, ...], BeforeValidator(values.actions)] = Field(
        (),
        description="Actions that Fettle may do without an approval where a playbook says approval.none; empty means "
        "none.",
    )
    CORDON_NODES: Annotated[str, BeforeValidator(values.label_selector)] = Field(
        "",
        description="Label selector of the nodes that may be cordoned and uncordoned, such as pool=workers; empty "
        "means none. The control plane's never are.",
    )
    OWN_NODE: str = Field("", description="The node Fettle runs on (deploy sets it); the card warns before a cordon.")
