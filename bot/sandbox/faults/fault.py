"""One way in which a server of the sandbox fails, and one order to do so. It refuses to know the servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Board = TypeVar("Board")


@dataclass(frozen=True)
class Order:
    """What is asked: ``kind`` of ``of``, and where, how often, how long, with which answer.

    ``times`` None is until it is taken back. What a kind doesn't take is left as it is here.
    """

    of: str
    kind: str
    where: str = ""
    times: int | None = 1
    seconds: float = 1.0
    status: int = 503
    error: str = "fatal_error"
    reason: str = "warning"


DEFAULTS = Order("", "")


@dataclass(frozen=True)
class Kind(Generic[Board]):
    """A kind of fault, on a switchboard of one of the servers.

    ``words`` is what happens, as a part of a sentence, in which fields of the order may stand. ``takes`` names the
    fields that it heeds, ``through`` the method of the switchboard that does it. One without ``holds`` happens at once
    and is over; one that ``stays`` does so however often it has hit.
    """

    name: str
    words: str
    takes: tuple[str, ...]
    through: str
    put: Callable[[Board, Order], Awaitable[object] | object]
    holds: Callable[[Board, Order], bool] | None = None
    lift: Callable[[Board, Order], object] | None = None
    stays: bool = False

    def told(self, order: Order) -> str:
        """What happens by this order, as a part of a sentence."""
        return self.words.format(
            where="every call" if order.where in {"", "*", "* *"} else order.where,
            times="for ever" if order.times is None else order.times,
            seconds=f"{order.seconds:g} s", status=order.status, error=order.error, reason=order.reason,
        )  # fmt: skip
