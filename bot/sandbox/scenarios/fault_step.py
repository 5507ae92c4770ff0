"""What a scenario says of a fault: a kind of the table, and only what that kind takes. It refuses anything else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bot.sandbox.faults.every import KINDS
from bot.sandbox.faults.fault import DEFAULTS, Order

OPTIONS = ("where", "times", "seconds", "status", "error", "reason")
"""What a kind may take."""


class Fault(BaseModel):
    """A switch of one of the servers; what ``where`` names is the server's: a method, verb and resource, or path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: Literal["slack", "cluster", "alertmanager"]
    kind: str
    where: str = DEFAULTS.where
    times: Annotated[int, Field(ge=1)] | None = DEFAULTS.times
    seconds: float = Field(DEFAULTS.seconds, ge=-86400, le=86400)
    status: int = Field(DEFAULTS.status, ge=400, le=599)
    error: str = DEFAULTS.error
    reason: Literal["warning", "refresh_requested", "link_disabled"] = "warning"

    @model_validator(mode="after")
    def _as_the_table_has_it(self) -> Fault:
        kinds = KINDS[self.of]
        if self.kind not in kinds:
            raise ValueError(f"{self.of} has no fault {self.kind}, it has {', '.join(kinds)}")
        takes = kinds[self.kind].takes
        if odd := [name for name in OPTIONS if name in self.model_fields_set and name not in takes]:
            raise ValueError(f"{self.kind} of {self.of} takes no {odd[0]}")
        if "where" in takes and not self.where:
            raise ValueError(f"{self.kind} of {self.of} needs where, which may be *")
        return self

    @property
    def order(self) -> Order:
        """The same for the switchboard."""
        return Order(**self.model_dump())
