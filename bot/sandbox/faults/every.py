"""All kinds of faults by server and name, and the switchboard through which a world's servers are made to fail.

It remembers what it was asked, so that it can tell what still holds. It refuses what the table doesn't have.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from bot.sandbox.alertmanager_api import AlertmanagerServer
from bot.sandbox.faults import alertmanager, cluster, slack
from bot.sandbox.faults.fault import Kind, Order
from bot.sandbox.kubernetes.faults import Faults as ClusterFaults
from bot.sandbox.slack.faults import Faults as SlackFaults

WHO: Mapping[str, str] = {"slack": "Slack", "cluster": "The cluster's API", "alertmanager": "Alertmanager"}
KINDS: Mapping[str, Mapping[str, Kind[Any]]] = {
    "slack": {one.name: one for one in slack.KINDS},
    "cluster": {one.name: one for one in cluster.KINDS},
    "alertmanager": {one.name: one for one in alertmanager.KINDS},
}
"""Server -> kind -> how it fails."""


def sentence(order: Order) -> str:
    """What happens by this order, and when."""
    kind = KINDS[order.of][order.kind]
    happens = f"{WHO[order.of]} {kind.told(order)}."
    if "where" not in kind.takes:
        return happens
    place = "" if order.where in {"", "*", "* *"} else f" at {order.where}"
    when = "From now on" if order.times is None else "Next" if order.times == 1 else f"The next {order.times} times"
    return f"{when}{place}: {happens}"


class Switchboard:
    """The faults of one world. ``given`` are the orders that may still hold, in the order in which they came."""

    def __init__(self, slack: SlackFaults, cluster: ClusterFaults, alertmanager: AlertmanagerServer) -> None:
        self._boards: Mapping[str, Any] = {"slack": slack, "cluster": cluster, "alertmanager": alertmanager}
        self._given: list[Order] = []

    async def put(self, order: Order) -> object:
        """Let it fail so; what the switchboard of that server answers (how many connections were closed)."""
        kind = KINDS[order.of][order.kind]
        if kind.holds is not None and order not in self._given:
            self._given.append(order)
        found = kind.put(self._boards[order.of], order)
        return await found if inspect.isawaitable(found) else found

    def holds(self, order: Order) -> bool:
        """Whether it fails so now."""
        holds = KINDS[order.of][order.kind].holds
        return holds is not None and holds(self._boards[order.of], order)

    def lift(self, order: Order) -> None:
        """That much is over."""
        lift = KINDS[order.of][order.kind].lift
        if lift is not None:
            lift(self._boards[order.of], order)

    @property
    def holding(self) -> list[Order]:
        """What it was asked for and still holds."""
        self._given = [one for one in self._given if self.holds(one)]
        return list(self._given)

    def clear(self) -> None:
        """Everything works again."""
        self._given.clear()
        self._boards["slack"].clear()
        self._boards["cluster"].clear()
        self._boards["alertmanager"].faults.clear()
