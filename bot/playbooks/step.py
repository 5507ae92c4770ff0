"""What a finding may lead to, as a playbook says it: a mitigation, when it isn't proposed, and what follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.domain.finding import Confidence
from bot.domain.mitigation import against_steps
from bot.playbooks.fields import Key, nearest
from bot.playbooks.words import PARAMS, ActionWord, Kind


class Part(BaseModel):
    """Any table of a playbook."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class FromFinding(Part):
    """A parameter that the finding gives; without it the mitigation isn't proposed."""

    source: Literal["finding"] = Field(alias="from")


class Guards(Part):
    """When a mitigation isn't proposed, beside all that policy says; what isn't known denies."""

    only_kinds: tuple[Kind, ...] = Field(default=(), description="Kinds of targets it may be proposed for.")
    never_kinds: tuple[Kind, ...] = Field(default=(), description="Kinds of targets it is never proposed for.")
    min_replicas: Annotated[int, Field(ge=1, le=10000, strict=True)] | None = Field(
        default=None, description="Fewest replicas that the target has to have."
    )
    min_confidence: Confidence | None = Field(default=None, description="The least confidence of the finding.")


def _word_alone(given: Any) -> Any:
    return {"action": given} if isinstance(given, str) else given


def _known_param(action: str, name: str, value: object) -> None:
    """Raises where the mitigation has no such parameter, or a fixed value is of another kind."""
    known = PARAMS[action]
    if name not in known:
        what = nearest(name, tuple(known)) if known else ": it takes none"
        raise ValueError(f"{action} has no parameter {name}{what}")
    if not isinstance(value, FromFinding) and type(value) is not known[name]:
        raise ValueError(f"{name} of {action} is {'a whole number' if known[name] is int else 'text'}")


class Following(Part):
    """A mitigation that comes after another, under the same approval; a word alone stands for its action."""

    action: ActionWord = Field(description="The mitigation; it is about the pod of the one before.")
    params: Mapping[Key, str | int | float | bool] = Field(default_factory=dict, description="Fixed values.")

    @model_validator(mode="before")
    @classmethod
    def _word_alone(cls, given: Any) -> Any:
        return _word_alone(given)

    @model_validator(mode="after")
    def _known_params(self) -> Following:
        for name, value in self.params.items():
            _known_param(self.action, name, value)
        return self


class Step(Part):
    """One mitigation that a finding may lead to; a word alone stands for its action."""

    action: ActionWord = Field(description="The mitigation.")
    params: Mapping[Key, str | int | float | bool | FromFinding] = Field(
        default_factory=dict, description="Fixed values, or {from: finding}; the rest is as the finding says."
    )
    unsuggested: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Propose it even where the finding itself doesn't suggest it. Widens."
    )
    guards: Guards = Field(default=Guards(), description="When it isn't proposed.")
    then: tuple[Following, ...] = Field(
        default=(),
        max_length=2,
        description="What follows a dump under the same approval, each only if the one before passed.",
    )

    @model_validator(mode="before")
    @classmethod
    def _word_alone(cls, given: Any) -> Any:
        return _word_alone(given)

    @model_validator(mode="after")
    def _known_params(self) -> Step:
        for name, value in self.params.items():
            _known_param(self.action, name, value)
        if self.then and (wrong := against_steps([self.action, *(one.action for one in self.then)])):
            raise ValueError(f"then: {wrong}")
        return self
