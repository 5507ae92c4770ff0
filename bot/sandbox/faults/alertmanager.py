"""How Alertmanager's API fails: by method and a part of the path, as in ``post silences``, ``get alerts``, ``*``."""

from __future__ import annotations

from bot.sandbox.alertmanager_api import AlertmanagerServer
from bot.sandbox.faults.fault import Kind, Order

AlertmanagerKind = Kind[AlertmanagerServer]
LONG = 3600.0
"""Seconds: longer than anybody waits for an answer."""


def _of_requests(name: str, words: str, *takes: str, through: str = "") -> AlertmanagerKind:
    kind = through or name

    def seconds(order: Order) -> float:
        return LONG if name == "hang" else order.seconds

    return AlertmanagerKind(
        name, words, ("where", *takes, "times"), kind,
        lambda board, order: board.fault(
            kind, order.where or "*", times=order.times, seconds=seconds(order), status=order.status
        ),
        holds=lambda board, order: board.is_on(
            kind, order.where or "*", seconds=seconds(order), status=order.status
        ),
        lift=lambda board, order: board.lift(kind, order.where or "*", seconds=seconds(order), status=order.status),
    )  # fmt: skip


KINDS: tuple[AlertmanagerKind, ...] = (
    _of_requests("error", "answers {status}", "status"),
    _of_requests("slow", "answers after {seconds}", "seconds", through="hang"),
    _of_requests("hang", "says nothing and does nothing"),
    _of_requests("drop_before", "hangs up without having done anything"),
    _of_requests("drop_after", "does what it is asked, and its answer is lost"),
)
